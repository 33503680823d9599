"""F45: an endpoint in the file leads to an object store, and not to what a machine tells only to itself."""

import pytest

from reconciler.config import endpoints
from reconciler.config.load import load

LINK_LOCAL = (
    "http://169.254.169.254", "http://169.254.169.254/latest/meta-data", "https://169.254.170.2:443", "http://2852039166", "http://0xa9fea9fe",
    "http://0xa9.254.43518", "http://0251.0376.0251.0376", "http://169.254.43518", "http://[fe80::1]", "http://[fe80::1%25eth0]",
    "http://[::ffff:169.254.169.254]", "http://[::ffff:a9fe:a9fe]", "http://0.0.0.0:9000", "http://0", "http://[::]", "http://224.0.0.1",
)  # fmt: skip
NO_URL = ("http:///x", "http://[::1", "http://a:99999", "https://:443")
FINE = (
    "https://s3.eu-central-1.amazonaws.com", "http://127.0.0.1:8333", "http://localhost:9000", "http://[::1]:9000", "https://10.0.0.7:9000",
    "https://minio.internal", "https://192.168.1.5",
)  # fmt: skip


def told(path, endpoint: str, prefix: str = "p") -> list[tuple[str, str]]:
    path.write_text(
        f"version: 1\ninstallation: acme\nstorages: {{s: {{s3: {{bucket: backups, prefix: {prefix}, endpoint: {endpoint!r}}}}}}}\n"
    )
    return [(problem.level, problem.code) for problem in load(path).problems]


@pytest.mark.parametrize("endpoint", LINK_LOCAL + NO_URL)
def test_a_link_local_address_in_any_spelling_is_refused(tmp_path, endpoint):
    assert told(tmp_path / "plans.yaml", endpoint) == [("error", "endpoint")]


@pytest.mark.parametrize("endpoint", FINE)
def test_an_object_store_is_accepted(tmp_path, endpoint):
    assert told(tmp_path / "plans.yaml", endpoint) == []


@pytest.mark.parametrize("endpoint", ["http://minio:9000", "http://10.0.0.7", "http://127.0.0.1.example.com"])
def test_plain_http_over_a_network_is_warned_of(tmp_path, endpoint):
    assert told(tmp_path / "plans.yaml", endpoint) == [("warning", "plain-http")]


@pytest.mark.parametrize("endpoint", ["https://user:secret@s3.example.com", "https://user@s3", "ftp://s3", "file:///etc", "s3.example.com"])
def test_what_is_no_address_of_the_web_or_has_a_user_in_it_is_refused(tmp_path, endpoint):
    """F41: a secret has no place in a URL, and what stands before the @ is not shown."""
    path = tmp_path / "plans.yaml"

    assert told(path, endpoint) == [("error", "pattern")]
    assert "secret" not in str(load(path).problems)


@pytest.mark.parametrize("prefix", ["../other", "a/../b", "a/./b", "..", "a/.."])
def test_a_prefix_does_not_climb(tmp_path, prefix):
    """F20: to one server a key with `..` in it is a key, to another a path."""
    assert told(tmp_path / "plans.yaml", "https://s3", prefix) == [("error", "prefix")]


def test_the_reason_says_what_is_wrong_with_it():
    assert endpoints.fault("http://169.254.169.254") == (
        "endpoint 'http://169.254.169.254' is a link-local or otherwise special address, where no object store is"
    )
