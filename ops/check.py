"""What no schema says of the Compose file and the Kubernetes files: `make ops-check`."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SECONDS = {"s": 1, "m": 60, "h": 3600}


def main() -> int:
    wrong = [*compose(), *kubernetes(), *locks()]
    for line in wrong:
        print(line)
    print(f"ops: {len(wrong)} things are wrong" if wrong else "ops: ok")
    return 1 if wrong else 0


def compose() -> list[str]:
    document = read("compose.yaml")
    wrong = []
    for name, service in document["services"].items():
        wrong += [
            f"compose.yaml: {name}: {what}"
            for what, holds in {
                "its root is not read-only": service.get("read_only") is True,
                "it keeps capabilities": service.get("cap_drop") == ["ALL"],
                "it can gain privileges": "no-new-privileges:true" in service.get("security_opt", ()),
                "it has no tmpfs on /tmp": any(item.startswith("/tmp:") for item in service.get("tmpfs", ())),
                "its user is no number other than 0": service.get("user", "0:0").partition(":")[0] not in ("0", ""),
            }.items()
            if not holds
        ]
    reconcile = document["services"]["reconcile"]
    if seconds(reconcile["stop_grace_period"]) <= seconds(reconcile["environment"]["RECONCILE_RUN_GRACE"]):
        wrong.append("compose.yaml: reconcile: stop_grace_period is not longer than RECONCILE_RUN_GRACE")
    wrong += [f"compose.yaml: the secret {name} is not a file" for name, it in document["secrets"].items()
              if "file" not in it]  # fmt: skip
    return wrong


def kubernetes() -> list[str]:
    pod = read("kubernetes/sidecar.yaml")["spec"]["template"]["spec"]
    wrong = []
    for container in pod["initContainers"] + pod["containers"]:
        context = container["securityContext"]
        holds = (context["readOnlyRootFilesystem"], not context["allowPrivilegeEscalation"],
                 context["capabilities"] == {"drop": ["ALL"]})  # fmt: skip
        wrong += [] if all(holds) else [f"sidecar.yaml: {container['name']}: it may more than it needs"]
    (reconcile,) = pod["containers"]
    environment = {item["name"]: item["value"] for item in reconcile["env"]}
    if pod["terminationGracePeriodSeconds"] <= seconds(environment["RECONCILE_RUN_GRACE"]):
        wrong.append("sidecar.yaml: terminationGracePeriodSeconds is not longer than RECONCILE_RUN_GRACE")
    asked = [reconcile[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")]
    if asked != ["/healthz", "/healthz", "/readyz"]:
        wrong.append(f"sidecar.yaml: the probes ask {asked}")
    named = read("kubernetes/kustomization.yaml")["resources"]
    there = sorted(path.name for path in (HERE / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
    if sorted(named) != there:
        wrong.append(f"kustomization.yaml names {sorted(named)}, and there are {there}")
    return wrong


def locks() -> list[str]:
    """Each direct dependency stands in the lock file of the image."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {re.split(r"[<>=\[; ]", line)[0].lower() for line in
              (*project["dependencies"], *extras["doris"], *extras["duckdb"], *extras["s3"])}  # fmt: skip
    lock = (HERE.parent / "requirements" / "image.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE))
    return [f"requirements/image.txt lacks {name}: make lock" for name in sorted(wanted - locked)]


def read(name: str) -> Any:
    return yaml.safe_load((HERE / name).read_text())


def seconds(text: str) -> int:
    """Of a duration such as 25s, 5m or 5m30s."""
    total, number = 0, ""
    for character in text:
        if character.isdigit():
            number += character
        else:
            total, number = total + int(number) * SECONDS[character], ""
    return total


if __name__ == "__main__":
    sys.exit(main())
