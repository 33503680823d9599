"""External catalogs: their definition as the server prints it, without what nobody should keep."""

import re

from reconciler.core.manifest import StoredCatalog

MASK = "*XXX"
# The server masks a fixed list of keys (Doris, PrintableMap.java); these words catch what it leaves in clear.
SECRET = re.compile(
    r"secret|password|passwd|token|credential|private_key|keytab|access_key|access-key", re.IGNORECASE
)
PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=\s*"((?:[^"\\]|\\.)*)"')
COMMENT = re.compile(r'^\s*COMMENT\s+"((?:[^"\\]|\\.)*)"', re.IGNORECASE | re.MULTILINE)


def parsed(name: str, statement: str) -> StoredCatalog:
    """Keys whose values the server masks, or that look like secrets, are named and not kept."""
    head, _, tail = statement.partition("PROPERTIES")
    comment = COMMENT.search(head)
    pairs = {_plain(key): _plain(value) for key, value in PAIR.findall(tail)}
    secrets = tuple(sorted(key for key, value in pairs.items() if _is_secret(key, value)))
    kept = {key: value for key, value in pairs.items() if key not in secrets}
    return StoredCatalog(name, _plain(comment[1]) if comment else "", kept, secrets, _shown(name, kept, secrets))


def _is_secret(key: str, value: str) -> bool:
    return MASK in value or SECRET.search(key) is not None


def _plain(quoted: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), quoted, flags=re.DOTALL)


def _shown(name: str, kept: dict[str, str], secrets: tuple[str, ...]) -> str:
    """The definition for reading: made of what is kept, so that no secret hides in a text."""
    lines = [f'"{key}" = "{value}"' for key, value in sorted(kept.items())] + [f'"{key}" = …' for key in secrets]
    return f"CREATE CATALOG {name} PROPERTIES ({', '.join(lines)})"
