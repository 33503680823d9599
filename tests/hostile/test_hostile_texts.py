"""GR10, F45: a name or a server's words never move a cursor, turn a line round, or write a line of their own."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from core_values import MONDAY, a_plan, a_restore, a_set, desired, revision, warehouse

from reconciler.cli import log
from reconciler.cli.clock import SystemClock
from reconciler.core import plan
from reconciler.core.event import Event
from reconciler.core.guard import Refusal
from reconciler.core.ports import Finding
from reconciler.core.rebuild import Adoption, Stray
from reconciler.core.record import Recorded, RestoreTask, Task
from reconciler.report import plan_text, tables

HOSTILE = (
    "\x1b[2J\x1b[1;1H", "\x1b]0;title\x07", "\x9b2J", "\r all is well", "\n> restore r9  starts", "\u202egpj.exe", "\u2066x\u2069", "\u2028", "\u2029",
    "\u200b", "\ufeff", "\x00", "\x7f", "\x08\x08\x08", "\udcff", "\U000e0041", "\u0085", "\t",
)  # fmt: skip


def lines(word: str) -> list[str]:
    """Every text that a reader sees, with this word wherever the world may put one."""
    told, word = word, word.encode(errors="replace").decode()  # a file's name may be no UTF-8; what is recorded is text
    task = Task("shop-20261123T020000Z", "shop", MONDAY, "failed", 1, ended_at=MONDAY, reason=word, objects=(word,))
    entry = a_restore("r1", databases=((word, word),), replace=(word,), cluster=word)
    request = RestoreTask("r1", entry, "d", "failed", MONDAY, ended_at=MONDAY, reason=word)
    recorded = Recorded(plans={"shop": revision(a_plan())}, sets=(a_set(MONDAY),))
    decision = plan.decide(desired(warehouse(a_plan(backup_cluster=word)), warehouse(name="other"), restores=(entry,)), recorded, MONDAY)
    decision = decision._replace(
        rows=decision.rows._replace(tasks=(task,), restores=(request,)), warnings=(word,), faults=(plan.Fault("shop", word),),
        after=decision.after._replace(restores={"r2": request._replace(id="r2", state="pending")}),
    )  # fmt: skip
    adoption = Adoption("disk", (), (), (), (), (Stray(told, told),))
    return [
        *plan_text.render(decision, (Refusal(word, None),), MONDAY, compared_with="nothing", plans=1),
        *plan_text.findings([Finding(told, "error", told)]),
        *tables.backups([task], {}), *tables.restores([request]), *tables.adoptions([adoption], said=True),
        *tables.details([("message", word), ("objects", (word,))]),
    ]  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE, ids=ascii)
def test_a_hostile_text_stays_on_its_line_and_shows_what_it_is(word):
    told, plain = lines(f"a{word}b"), lines("ab")

    assert len(told) == len(plain)
    assert [line for line in told if not line.isprintable()] == []
    assert "\n".join(told).count("a\\") >= 4


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("word", HOSTILE, ids=ascii)
def test_the_log_has_one_line_for_each_thing(word, form, capsys):
    log.writer(form, SystemClock())(Event("object", word, word, word))

    (line,) = capsys.readouterr().err.split("\n")[:-1]
    assert line.isprintable()
    assert form == "text" or json.loads(line)["detail"] == word
