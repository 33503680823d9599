"""A reference to a secret is followed when it is used; what goes wrong names the reference and never a value."""

import os
import traceback
from pathlib import Path

import pytest

from reconciler.config import secrets
from reconciler.core.model import SecretReference
from reconciler.errors import SecretUnresolved


def told(reference: SecretReference) -> str:
    """The message; nothing of a value is in it, nor in what a log would show of the error."""
    with pytest.raises(SecretUnresolved) as caught:
        secrets.resolve(reference)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def in_file(path: Path, content: bytes) -> SecretReference:
    path.write_bytes(content)
    return SecretReference("file", str(path))


def test_an_environment_variable_is_the_secret_as_it_is(monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", " hunter2\n")
    assert secrets.resolve(SecretReference("env", "SHOP_PASSWORD")) == " hunter2\n"


def test_it_is_read_anew_each_time(monkeypatch, tmp_path):
    """So that a rotated secret counts without a restart."""
    reference = in_file(tmp_path / "password", b"old\n")
    monkeypatch.setenv("SHOP_PASSWORD", "old")
    both = reference, SecretReference("env", "SHOP_PASSWORD")
    assert [secrets.resolve(one) for one in both] == ["old", "old"]

    (tmp_path / "password").write_text("new\n")
    monkeypatch.setenv("SHOP_PASSWORD", "new")
    assert [secrets.resolve(one) for one in both] == ["new", "new"]


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"hunter2\n\n", "hunter2\n"),
        (b" hunter2 \n", " hunter2 "),
        (b"two\r\nlines\n", "two\r\nlines"),
        ("pässwörd\n".encode(), "pässwörd"),
    ],
)
def test_of_a_file_one_line_break_at_the_end_is_dropped_and_nothing_else(tmp_path, content, secret):
    assert secrets.resolve(in_file(tmp_path / "password", content)) == secret


def test_a_variable_that_is_not_set_is_named():
    assert told(SecretReference("env", "RECONCILE_NO_SUCH_SECRET")) == (
        "environment variable RECONCILE_NO_SUCH_SECRET is not set; it should hold a secret"
    )


def test_a_variable_that_is_empty_is_named(monkeypatch):
    """CI systems set a secret that does not exist to nothing."""
    monkeypatch.setenv("SHOP_PASSWORD", "")
    assert told(SecretReference("env", "SHOP_PASSWORD")) == (
        "environment variable SHOP_PASSWORD is empty; it should hold a secret"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n"])
def test_a_file_that_is_empty_is_named(tmp_path, content):
    reference = in_file(tmp_path / "password", content)
    assert told(reference) == f"secret file {tmp_path}/password is empty; it should hold a secret"


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path):
    assert told(SecretReference("file", f"{tmp_path}/none")) == (
        f"secret file {tmp_path}/none cannot be read: No such file or directory"
    )
    assert told(SecretReference("file", str(tmp_path))) == f"secret file {tmp_path} cannot be read: Is a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    reference = in_file(tmp_path / "password", b"hunter2")
    (tmp_path / "password").chmod(0)
    assert told(reference) == f"secret file {tmp_path}/password cannot be read: Permission denied"


def test_a_file_that_is_no_text_is_named_without_a_byte_of_it(tmp_path):
    reference = in_file(tmp_path / "password", b"hunter2\xff")
    assert told(reference) == f"secret file {tmp_path}/password is not UTF-8 text"
    with pytest.raises(SecretUnresolved) as caught:
        secrets.resolve(reference)
    assert "0xff" not in "".join(traceback.format_exception(caught.value))
