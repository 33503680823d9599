"""External catalogs, and which values are masked."""

import re
from typing import Any

from . import clock, labels
from .answers import Done, Rows, table
from .dialect import Dialect
from .errors import Refused
from .statements import AlterCatalog, CreateCatalog, DropCatalog

MASK = "*XXX"
SECRETS = {
    "password", "jdbc.password", "elasticsearch.password", "kerberos_keytab_content", "bos_secret_accesskey", "mc.secret_key",
    "s3.secret_key", "aws_secret_key", "secret_key", "s3.session_token", "session_token", "s3.secret-access-key",
    "glue.secret_key", "aws.glue.secret-key", "dlf.secret_key", "dlf.catalog.accesskeysecret", "gs.secret_key", "azure.secret_key",
    "azure.account_key", "oss.secret_key", "cos.secret_key", "obs.secret_key", "minio.secret_key",
}  # fmt: skip
ACCESS_KEYS = {"s3.access_key", "aws_access_key", "access_key", "glue.access_key", "dlf.access_key", "gs.access_key",
               "oss.access_key", "cos.access_key", "obs.access_key", "minio.access_key", "mc.access_key"}  # fmt: skip
LEFT_OUT = {"create_time", "use_meta_cache"}


def masked(key: str, value: str, dialect: Dialect) -> str:
    """Only the keys of the list; every other secret comes in clear."""
    hidden = SECRETS | ACCESS_KEYS if dialect.has("-masks_access_keys") else SECRETS
    if dialect.starrocks:
        hidden = SECRETS | {"aws.s3.secret_key", "aws.s3.access_key", "aws.glue.secret_key", "aws.glue.access_key"}
    return MASK if key.lower() in hidden else value


def create(warehouse: Any, asked: CreateCatalog) -> Done:
    labels.check_name("catalog", asked.name, 64)
    if asked.name in warehouse.catalogs or asked.name == "internal":
        if asked.quiet:
            return Done()
        raise Refused(f"Catalog had already exist with name: {asked.name}", 1105)
    if "type" not in asked.properties:
        raise Refused("Missing property 'type' in properties", 1105)
    warehouse.create_catalog(asked.name, asked.comment, asked.properties)
    return Done()


def drop(warehouse: Any, asked: DropCatalog) -> Done:
    if asked.name not in warehouse.catalogs and asked.quiet:
        return Done()
    del warehouse.catalogs[known(warehouse, asked.name).name]
    return Done()


def alter(warehouse: Any, asked: AlterCatalog) -> Done:
    """Keys can be set, not removed."""
    known(warehouse, asked.name).properties.update(asked.properties)
    return Done()


def known(warehouse: Any, name: str) -> Any:
    if name not in warehouse.catalogs:
        raise Refused(
            f"No catalog found with name {name}"
            if not warehouse.dialect.starrocks
            else f"Unknown catalog '{name}'",
            1105,
        )
    return warehouse.catalogs[name]


def show(warehouse: Any, like: str | None, current: str, zone: str) -> Rows:
    if warehouse.dialect.starrocks:
        rows = [(each.name, each.properties.get("type", ""), each.comment) for each in warehouse.catalogs.values()]
        return table(
            "Catalog Type Comment",
            [
                ("default_catalog", "Internal", "An internal catalog contains this cluster's self-managed tables."),
                *rows,
            ],
        )
    rows = [
        (0, "internal", "internal", _yes(current == "internal"), "UNRECORDED", None, "Doris internal catalog", "")
    ]
    for each in sorted(warehouse.catalogs.values(), key=lambda catalog: catalog.name):
        created = clock.shown(each.created, zone)
        rows.append(
            (
                each.id,
                each.name,
                each.properties.get("type", ""),
                _yes(current == each.name),
                created,
                created,
                each.comment,
                "",
            )
        )
    rows = [row for row in rows if like is None or matches(like, row[1])]
    return table("CatalogId CatalogName Type IsCurrent CreateTime LastUpdateTime Comment ErrorMsg", rows)


def _yes(fact: bool) -> str:
    return "Yes" if fact else "No"


def show_one(warehouse: Any, name: str, create: bool) -> Rows:
    each = known(warehouse, name)
    pairs = [
        (key, masked(key, value, warehouse.dialect))
        for key, value in sorted(each.properties.items())
        if key not in LEFT_OUT
    ]
    if not create:
        return table("Key Value", pairs)
    listed = ",\n".join(f'"{key}" = "{value}"' for key, value in pairs)
    if warehouse.dialect.starrocks:
        comment = f'\ncomment "{each.comment}"' if each.comment else ""
        return Rows(
            ("Catalog", "Create Catalog"),
            [(name, f"CREATE EXTERNAL CATALOG `{name}`{comment}\nPROPERTIES ({listed}\n)")],
        )
    comment = f'\nCOMMENT "{each.comment}"' if each.comment else ""
    return table(
        "Catalog CreateCatalog", [(name, f"\nCREATE CATALOG `{name}`{comment} PROPERTIES (\n{listed}\n);")]
    )


def matches(like: str, text: str) -> bool:
    """SQL's LIKE."""
    pattern = re.escape(like).replace("%", ".*").replace("_", ".")
    return re.fullmatch(pattern, text, re.DOTALL) is not None
