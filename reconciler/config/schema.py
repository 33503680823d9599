"""The JSON Schema of the YAML, as it is shipped."""

import json
from pathlib import Path
from typing import Any

PACKAGED = Path(__file__).parent.parent / "schemas"
CHECKOUT = Path(__file__).parent.parent.parent / "schemas"


def text(name: str) -> str:
    """The schema `plans` or `status`, from the wheel or from the checkout that this runs in."""
    folder = PACKAGED if PACKAGED.exists() else CHECKOUT
    return (folder / f"{name}.schema.json").read_text(encoding="utf-8")


def document(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(text(name))
    return content
