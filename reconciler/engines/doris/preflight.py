"""What can be asked of a server before a plan runs, read-only: version, rights, clusters, coverage."""

from collections.abc import Iterator

from reconciler.core import objects as patterns
from reconciler.core.model import Plan
from reconciler.core.ports import Finding
from reconciler.engines.doris import groups, sight, tables
from reconciler.engines.doris.session import DENIED, Said, Session

GRANTS = {  # what a snapshot needs beyond LOAD on its databases
    "doris": "GRANT ADMIN_PRIV ON *.*.* TO '{user}'",
    "starrocks": "GRANT REPOSITORY ON SYSTEM TO USER '{user}'",
}


def findings(session: Session, warehouse: str, plan: Plan | None, user: str) -> Iterator[Finding]:
    about = session.about()
    yield Finding(warehouse, "note", f"reachable: {about.label}")
    if plan is None:
        return
    apart = groups.keeps_apart(session)
    if apart and plan.method == "snapshot":
        words = "it keeps compute and storage apart: its server refuses native snapshots; leave out `method`"
        yield Finding(warehouse, "error", words)
    if not apart and plan.method != "export":
        yield from _rights(session, warehouse, user)
    yield from _cluster(session, warehouse, plan.backup_cluster)
    existing = tables.databases(session)
    if apart or plan.method == "export":
        chosen = patterns.chosen(plan.objects, existing)
        yield from (Finding(warehouse, "warning", f"not taken: {words}") for words in sight.limits(session, chosen))
    yield from patterns.coverage(warehouse, plan.objects, existing)
    yield from _catalogs(session, warehouse, plan)


def _cluster(session: Session, warehouse: str, named: str | None) -> Iterator[Finding]:
    """StarRocks says only when it is used whether it has the warehouse."""
    if session.about().decoupled:
        chosen = groups.chosen(session, warehouse, named)
        yield Finding(warehouse, "note", f"compute group that does the work: {chosen}")
    elif named is not None and not session.about().is_starrocks:
        yield Finding(warehouse, "error", f"it has no compute groups; leave out backup_cluster {named}")


def _rights(session: Session, warehouse: str, user: str) -> Iterator[Finding]:
    """SHOW REPOSITORIES asks for the very right that making one needs (Doris, ShowRepositoriesCommand)."""
    try:
        session.ask("SHOW REPOSITORIES")
    except Said as refusal:
        if refusal.code not in DENIED:
            raise
        grant = GRANTS[session.about().product].format(user=user.replace("'", "''"))
        yield Finding(warehouse, "error", f"{refusal.words}; grant it with: {grant}")


def _catalogs(session: Session, warehouse: str, plan: Plan) -> Iterator[Finding]:
    wanted = plan.objects.external_catalogs
    existing = tables.catalogs(session)
    named = patterns.chosen(plan.objects._replace(databases=wanted, exclude_databases=()), existing)
    if wanted:
        level = "note" if named else "error"
        yield Finding(warehouse, level, f"external catalogs that the plan takes: {', '.join(named) or 'none'}")
    rest = sorted(set(existing) - set(named))
    if rest:
        yield Finding(warehouse, "warning", f"external catalogs in no plan: {', '.join(rest)}")
