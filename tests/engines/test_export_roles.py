"""Servers that assume a role of AWS to read and write in storage, and are given no keys."""

import pytest
import seaweed
from doris_server import layout
from told import MONDAY_2, TASK, restored, states

from reconciler.engines.doris.session import Session

ARN = "arn:aws:iam::123456789012:role/backups"


@pytest.mark.parametrize("role", [{"arn": ARN, "external_id": "acme"}, {"arn": ARN}])
def test_servers_that_assume_a_role_are_given_no_keys(decoupled, monkeypatch, role):
    """Nothing that is sent to a server has keys; the reconciler goes on using its own."""
    at, sent, run = decoupled(), [], Session._run
    monkeypatch.setitem(layout.ROLES, (ARN, role.get("external_id", "")), (seaweed.ACCESS_KEY, seaweed.SECRET_KEY))
    monkeypatch.setattr(Session, "_run", lambda self, statement: sent.append(statement) or run(self, statement))
    at.site.document["storages"]["bucket"]["s3"]["server_role"] = role
    at.site.write()
    at.back_up()
    assert at.restore(databases={"sales": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days")
    assert any(ARN in statement for statement in sent)
    assert not any(seaweed.ACCESS_KEY in statement or seaweed.SECRET_KEY in statement for statement in sent)


def test_a_server_that_cannot_assume_a_role_is_not_asked_to(decoupled):
    """D6: no further try gets past it."""
    at = decoupled(version="3.0.3")
    at.site.document["storages"]["bucket"]["s3"]["server_role"] = {"arn": ARN}
    at.site.write()
    at.site.apply(MONDAY_2)
    assert states(at.site)[TASK] == (
        "failed", f"doris 3.0.3 (decoupled) cannot assume the role {ARN}: Doris can from 3.0.6 on; give the storage `credentials` "
                  f"and no `server_role`",
    )  # fmt: skip
