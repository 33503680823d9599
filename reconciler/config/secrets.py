"""Resolves a reference to a secret at the moment of use; the value goes nowhere else."""

import os
from pathlib import Path

from reconciler.core.model import SecretReference
from reconciler.errors import SecretUnresolved


def resolve(reference: SecretReference) -> str:
    """The secret. Raises SecretUnresolved, which names the reference and never a value."""
    if reference.kind == "env":
        value = os.environ.get(reference.name)
        if value is None:
            raise SecretUnresolved(f"environment variable {reference.name} is not set; it should hold a secret")
        return value
    try:
        return Path(reference.name).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnresolved(f"secret file {reference.name} cannot be read: {error}") from error
