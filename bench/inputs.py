"""The files that the sides read. The same size always gives the same bytes."""

from collections.abc import Iterator
from pathlib import Path

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC", "Australia/Sydney", "America/Sao_Paulo")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TEAMS = ("shop", "billing", "logistics", "marketing", "support")

HEAD = """\
version: 1
installation: bench
storages:
  archive:
    local: {path: ./backups}
warehouses:
"""
WAREHOUSE = """\
  {name}:
    engine: duckdb
    path: ./warehouses/{name}
    storage: archive
    plan:
      periodic:
        backup_every: [{days}]
        start_time: "{hour:02}:{minute:02}"
        time_zone: {zone}
      objects: {{databases: [sales, orders_{team}]}}
      retention_days: {retention}
"""

OCTODNS = """\
providers:
  declared: {{class: octodns.provider.yaml.YamlProvider, directory: {folder}/declared}}
  live: {{class: octodns.provider.yaml.YamlProvider, directory: {folder}/live}}
zones:
  example.com.: {{sources: [declared], targets: [live]}}
"""
RECORD = """\
host-{number:05}:
  ttl: 300
  type: A
  value: 10.{high}.{low}.1
"""


def prepare(folder: Path, size: int) -> None:
    """Plans for us and for check-jsonschema; for octodns as many A records, a tenth of them changed."""
    (folder / f"plans-{size}.yaml").write_text(plans(size), encoding="utf-8")
    (folder / f"changed-{size}.yaml").write_text(plans(size, changed=True), encoding="utf-8")
    octodns = folder / f"octodns-{size}"
    for provider, changed in (("declared", True), ("live", False)):
        (octodns / provider).mkdir(parents=True, exist_ok=True)
        text = records(size, changed=changed)
        (octodns / provider / "example.com.yaml").write_text(text, encoding="utf-8")
    (octodns / "config.yaml").write_text(OCTODNS.format(folder=octodns), encoding="utf-8")


def plans(size: int, *, changed: bool = False) -> str:
    """Warehouses with one periodic plan each, about 290 bytes a plan; with `changed` every tenth keeps longer."""
    return HEAD + "".join(_warehouses(size, changed=changed))


def records(size: int, *, changed: bool) -> str:
    """A zone of A records; with `changed` every tenth has another address than without."""
    return "".join(
        RECORD.format(number=number, high=128 * (changed and not number % 10) + number // 256, low=number % 256)
        for number in range(size)
    )


def _warehouses(size: int, *, changed: bool) -> Iterator[str]:
    for number in range(size):
        first = number % 5
        team = TEAMS[number % len(TEAMS)]
        yield WAREHOUSE.format(
            name=f"{team}-{number:05}",
            days=", ".join(DAYS[first : first + 1 + number % 3]),
            hour=number * 5 % 24,
            minute=number * 7 % 60,
            zone=ZONES[number % len(ZONES)],
            team=team,
            retention=7 + number % 60 + (changed and not number % 10),
        )
