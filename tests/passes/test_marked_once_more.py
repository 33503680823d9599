"""A storage that could not be marked at the first look is looked into again (T2, T5)."""

from unittest import mock

from reconciler.errors import StorageFailed
from reconciler.storage.sets import SetStorage


def test_a_mark_that_was_not_written_is_written_by_the_next_pass(site):
    """T5: else restores and removals would wait for ever, for a mark that nobody lost."""
    away = mock.Mock(side_effect=StorageFailed("no answer", passing=True))
    with mock.patch.object(SetStorage, "set_mark", away):
        site.apply("2026-11-23T00:00:00Z")
    mark = site.folder / "backups/test/.ledger.json"
    assert not mark.exists()

    site.apply("2026-11-23T01:00:00Z")

    assert mark.exists()
