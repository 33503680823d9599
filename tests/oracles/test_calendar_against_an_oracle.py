"""D1 and GR6: slots against a second reading of the same zone files. All minutes: `make verify-calendar`."""

import calendar_oracle
import tzif
from calendar_oracle import Counts

DAY = tzif.DAY


def test_every_zone_runs_once_a_local_day_around_every_transition_to_2037():
    """D1, and the counts say that gaps and hours that come twice were met."""
    files = {data: name for name, data in calendar_oracle.zones().items()}  # links are checked in the long form

    total = sum((calendar_oracle.quick(name, data) for data, name in files.items()), Counts())

    assert total.differences == ()
    assert total.zones > 300
    assert total.transitions > 3_000
    assert min(total.gaps, total.twice) > 7_000


def test_each_local_day_of_eighteen_years_has_one_run():
    """D1: clocks that go forward, that go forward at midnight, by half an hour, and far from UTC both ways."""
    for name in ("Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        lived = calendar_oracle.whole_life(name, calendar_oracle.zones()[name], 2 * 3600 + 1800)
        assert lived == Counts(days=6_571)


def test_the_oracle_knows_what_everybody_knows_of_berlin():
    """Forward at 2026-03-29 01:00 UTC, back at 2026-10-25 01:00 UTC, and the same by the rule in 2037."""
    zone = tzif.spans(calendar_oracle.zones()["Europe/Berlin"])
    spring, autumn = 1_774_746_000, 1_792_890_000

    assert tzif.transitions(zone, 1_767_225_600, 1_798_761_600) == [(spring, 3600, 7200), (autumn, 7200, 3600)]
    assert [at for at, *_ in tzif.transitions(zone, 2_114_380_800, 2_145_916_800)] == [2_121_901_200, 2_140_045_200]
    half_past_two = 9_000
    assert calendar_oracle.slot_of(zone, spring // DAY, half_past_two) == (spring, "gap")
    assert calendar_oracle.slot_of(zone, autumn // DAY, half_past_two) == (autumn - 1800, "twice")


def test_the_oracle_knows_the_day_that_samoa_left_out():
    """D1: 2011-12-30 has no slot there."""
    zone = tzif.spans(calendar_oracle.zones()["Pacific/Apia"])

    assert calendar_oracle.slot_of(zone, 15_338, 3_600) == (None, "no date")


def test_rules_of_posix_in_all_their_forms():
    """RFC 8536, section 3.3.1: hours past a day and below zero; days by number, with and without February 29."""
    assert tzif._rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0") == tzif.Rule(
        -7200, -3600, ("M3.5.0", -3600), ("M10.5.0", 0)
    )
    assert tzif._rule("IST-5:30") == tzif.Rule(19_800)
    assert tzif._rule("EST5EDT,60,J300/167") == tzif.Rule(-18_000, -14_400, ("60", 7200), ("J300", 601_200))
    assert tzif._day("J60", 2028) - tzif._day("60", 2028) == 0
    assert tzif._day("J60", 2027) - tzif._day("59", 2027) == 0
    assert tzif._day("M2.5.2", 2028) == tzif._day("59", 2028)
