"""The peers' own virtual environment: made when it is missing, never a dependency of the project."""

import importlib.metadata
import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(__file__).parent.parent / ".venv" / "bench-peers"
BIN = FOLDER / "bin"
REQUIREMENTS = ("octodns==1.22.0", "check-jsonschema==0.39.0")  # exact, so that a ratio means the same next year


def install() -> None:
    """Does nothing where all is in place. Raises CalledProcessError where pip cannot install."""
    if set(REQUIREMENTS) <= set(versions()):
        return
    print(f"making {FOLDER} with {' and '.join(REQUIREMENTS)}", file=sys.stderr)
    venv.create(FOLDER, with_pip=True, clear=True)
    pip = [BIN / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *REQUIREMENTS], check=True)


def install_more(*requirements: str) -> None:
    """What one bench alone needs, beside the rest."""
    install()
    pip = [BIN / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *requirements], check=True)


def versions() -> tuple[str, ...]:
    """Each installed distribution as NAME==VERSION."""
    folders = [str(folder) for folder in FOLDER.glob("lib/python*/site-packages")]
    found = importlib.metadata.distributions(path=folders)
    return tuple(sorted(f"{item.name}=={item.version}" for item in found))
