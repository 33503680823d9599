"""A ledger whose database is whole, and in which a value is not (F13)."""

import sqlite3

import pytest

from reconciler.errors import LedgerUnusable


@pytest.mark.parametrize("content", ["{", '{"$Desired": {}}', '{"$Unheard": {}}'])
def test_a_damaged_value_is_refused_in_words_and_stays(site, content):
    """T1: no traceback, and never taken for nothing."""
    site.apply("2026-11-23T00:00:00Z")
    connection = sqlite3.connect(site.paths.ledger)
    with connection:
        connection.execute("UPDATE configuration SET document = ?", (content,))

    with pytest.raises(LedgerUnusable, match="holds what no release writes"):
        site.apply("2026-11-23T01:00:00Z")

    assert connection.execute("SELECT document FROM configuration").fetchall() == [(content,)]
    connection.close()


def test_a_plan_whose_time_zone_is_damaged_is_refused_in_words(site):
    """T1: a document that can be read, with a word in it that means nothing."""
    site.plan["periodic"]["time_zone"] = "Europe/Berlin"
    site.write()
    site.apply("2026-11-23T00:00:00Z")
    connection = sqlite3.connect(site.paths.ledger)
    with connection:
        connection.execute("UPDATE plans SET entry = replace(entry, 'Europe/Berlin', 'Europe/Berlyn')")
    connection.close()

    with pytest.raises(LedgerUnusable, match="unknown time zone Europe/Berlyn"):
        site.apply("2026-11-23T01:00:00Z")
