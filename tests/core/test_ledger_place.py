"""Where a ledger is: a path or a URL, and nothing of a URL in an error."""

from pathlib import Path

import pytest

from reconciler.core.ledger_place import LedgerServer, parse
from reconciler.core.model import SecretReference
from reconciler.errors import Misuse


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("ledger.sqlite", Path("ledger.sqlite")),
        ("/var/lib/reconcile/ledger.sqlite", Path("/var/lib/reconcile/ledger.sqlite")),
        ("postgresql://rec@db.internal/ledger",
         LedgerServer("postgresql", "db.internal", 5432, "ledger", "rec")),
        ("mysql://rec%40acme@db.internal:3307/ledger?password_file=/run/secrets/ledger&tls_ca_file=/etc/ca.pem",
         LedgerServer("mysql", "db.internal", 3307, "ledger", "rec@acme",
                      SecretReference("file", "/run/secrets/ledger"), True, "/etc/ca.pem")),
        ("postgresql://rec@db.internal/ledger?tls=off&password_env=WORD",
         LedgerServer("postgresql", "db.internal", 5432, "ledger", "rec", SecretReference("env", "WORD"), False)),
        ("mysql://rec@127.0.0.1/ledger", LedgerServer("mysql", "127.0.0.1", 3306, "ledger", "rec", tls=False)),
        ("mysql://rec@[::1]/ledger?tls=verify", LedgerServer("mysql", "::1", 3306, "ledger", "rec")),
        ("postgresql:///ledger?socket=/run/postgresql",
         LedgerServer("postgresql", "", 5432, "ledger", tls=False, socket="/run/postgresql")),
    ],
)  # fmt: skip
def test_a_path_or_a_url_says_where_the_ledger_is(text, place):
    """T3: the network is not trusted unless the URL says so."""
    assert parse(text) == place


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sqlite:///x", "postgresql:// or mysql://"),
        ("postgresql://rec:swordfish@h/l", "holds a password"),
        ("mysql://rec:swordfish/@h/l", "no number for its port"),
        ("mysql://[swordfish/l", "characters that do not belong"),
        ("mysql://rec@h:swordfish/l", "no number for its port"),
        ("mysql://rec@h:99999/l", "no number for its port"),
        ("mysql://rec@h/", "names no database"),
        ("mysql://rec@h/l/swordfish", "names no database"),
        ("mysql://rec@h/l#swordfish", "names no database"),
        ("mysql:///l", "needs a host"),
        ("mysql://h/l?socket=/s", "needs a host"),
        ("mysql://h/l?swordfish=1", "unknown, empty or given twice"),
        ("mysql://h/l?tls=off&tls=verify", "unknown, empty or given twice"),
        ("mysql://h/l?tls=", "unknown, empty or given twice"),
        ("mysql://h/l?tls=swordfish", "neither verify nor off"),
        ("mysql://h/l?password_file=/a&password_env=B", "two places"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_showing_it(text, words):
    with pytest.raises(Misuse) as refused:
        parse(text)
    assert words in str(refused.value)
    assert "swordfish" not in str(refused.value)


def test_the_text_of_a_server_names_it_and_no_password():
    place = parse("mysql://rec@[::1]:3307/ledger?password_env=WORD")

    assert (str(place), f"{place}") == ("mysql://rec@[::1]:3307/ledger",) * 2
    assert str(parse("postgresql:///l?socket=/run")) == "postgresql:///run/l"
