"""Resolves a reference to a secret at the moment of use; the value goes nowhere else, and no message shows it."""

import os
from pathlib import Path

from reconciler import secrecy
from reconciler.core.model import SecretReference
from reconciler.errors import SecretUnresolved


def resolve(reference: SecretReference) -> str:
    """The secret. Raises SecretUnresolved, which names the reference and never a value."""
    if reference.kind == "env":
        place, value = f"environment variable {reference.name}", os.environ.get(reference.name)
        if value is None:
            raise SecretUnresolved(f"{place} is not set; it should hold a secret")
    else:
        place, value = f"secret file {reference.name}", _content(reference.name)
    if not value:
        raise SecretUnresolved(f"{place} is empty; it should hold a secret")
    secrecy.remember(value)
    return value


def _content(name: str) -> str:
    try:
        return Path(name).read_bytes().decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise SecretUnresolved(f"secret file {name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SecretUnresolved(f"secret file {name} is not UTF-8 text") from None  # the error shows a byte of it
