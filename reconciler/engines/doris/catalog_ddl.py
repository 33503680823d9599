"""External catalogs: their definition as the server tells it, without what nobody should keep.

Doris tells properties as rows (SHOW CATALOG). StarRocks prints a statement only, a pair a line; neither of them
escapes quotes there, so a pair is taken from its whole line.
"""

import re
from collections.abc import Iterable, Mapping

from reconciler.core.manifest import StoredCatalog
from reconciler.engines.doris import statements

MASK = "*XXX"
# The server masks a fixed list of keys (Doris, PrintableMap.java); these words catch what it leaves in clear.
SECRET = re.compile(
    r"secret|password|passwd|token|credential|private_key|keytab|access_key|access-key", re.IGNORECASE
)
PAIR = re.compile(r'\s*"(?P<key>[^"]+)"\s*=\s*"(?P<value>.*)"\s*,?\s*\)?\s*;?\s*')


def stored(name: str, comment: str, pairs: Mapping[str, str]) -> StoredCatalog:
    """Keys whose values the server masks, or that look like secrets, are named and not kept."""
    secrets = tuple(sorted(key for key, value in pairs.items() if MASK in value or SECRET.search(key)))
    kept = {key: value for key, value in sorted(pairs.items()) if key not in secrets}
    return StoredCatalog(name, comment, kept, secrets, _shown(name, comment, kept, secrets))


def printed_pairs(lines: Iterable[str]) -> dict[str, str]:
    """The properties of a printed statement."""
    return {found["key"]: found["value"] for line in lines if (found := PAIR.fullmatch(line))}


def _shown(name: str, comment: str, kept: Mapping[str, str], secrets: Iterable[str]) -> str:
    """For reading, made of what is kept alone: no secret hides in a text."""
    pairs = (*kept.items(), *((key, "…") for key in secrets))
    return statements.create_catalog(name, comment, pairs, external=False)
