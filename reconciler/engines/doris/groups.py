"""Compute groups: a cluster that is named must exist, and one must be named where there are several."""

from reconciler.errors import EngineFailed


def refuse(warehouse: str, group: str) -> None:
    """A server whose nodes hold their own data has no groups."""
    raise EngineFailed(
        f"warehouse {warehouse} has no compute groups: its nodes hold their own data, and `{group}` cannot be "
        f"chosen; leave the cluster out"
    )
