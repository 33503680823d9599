"""Where the ledger is: a file of SQLite, or a database of a PostgreSQL or MySQL server, named by a URL.

It must not know how either is opened. Nothing of an address that could not be read is ever shown, since a part of
it may be a password in the wrong place.
"""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from reconciler.core.model import SecretReference
from reconciler.errors import Misuse

PORTS = {"postgresql": 5432, "mysql": 3306}
OPTIONS = ("password_file", "password_env", "tls", "tls_ca_file", "socket")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class LedgerServer(NamedTuple):
    """A database on a server. `kind` is postgresql or mysql, which MariaDB is as well. Its text is for readers and
    has no password.

    `socket`: a folder (PostgreSQL) or a file (MySQL), in the place of host and port. `tls`: the server's
    certificate is verified, by `tls_ca_file` or what the system trusts.
    """

    kind: str
    host: str
    port: int
    database: str
    user: str | None = None
    password: SecretReference | None = None
    tls: bool = True
    tls_ca_file: str | None = None
    socket: str | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = self.socket or f"{host}:{self.port}"
        return f"{self.kind}://{user}{place}/{self.database}"


LedgerPlace = Path | LedgerServer


def parse(text: str) -> LedgerPlace:
    """The path or URL. Raises Misuse, which says what is wrong and shows nothing of a URL but its scheme."""
    scheme, mark, _ = text.partition("://")
    if not mark:
        return Path(text)
    if scheme not in PORTS:
        raise Misuse(f"a ledger is a path, or a URL that begins with {' or '.join(f'{kind}://' for kind in PORTS)}")
    try:
        return _server(_split(text))
    except ValueError as error:
        raise Misuse(
            f"the ledger's URL ({scheme}://…) {error}; its form is {scheme}://USER@HOST:PORT/DATABASE"
            f"?password_file=PATH"
        ) from None


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError("has characters that do not belong into it") from None  # the error's own words show them


def _server(parts: SplitResult) -> LedgerServer:
    if parts.password is not None:
        raise ValueError("holds a password, which process lists and logs would show: name a file with "
                         "?password_file=PATH, or an environment variable with ?password_env=NAME")  # fmt: skip
    options = _options(parts.query)
    socket = options.get("socket")
    host, port, database = parts.hostname or "", _port(parts), unquote(parts.path.removeprefix("/"))
    if not database or "/" in database or parts.fragment:
        raise ValueError("names no database")
    if bool(host) == bool(socket):
        raise ValueError("needs a host, or ?socket=PATH in its place")
    return LedgerServer(
        kind=parts.scheme, host=host, port=port, database=database,
        user=unquote(parts.username) if parts.username else None, password=_password(options),
        tls=_tls(options, local=socket is not None or host in LOOPBACK),
        tls_ca_file=options.get("tls_ca_file"), socket=socket,
    )  # fmt: skip


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or PORTS[parts.scheme]
    except ValueError:
        raise ValueError("has no number for its port") from None


def _options(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs) or not set(options) <= set(OPTIONS) or not all(options.values()):
        raise ValueError(f"has an option that is unknown, empty or given twice; there are {', '.join(OPTIONS)}")
    return options


def _password(options: dict[str, str]) -> SecretReference | None:
    references = [
        SecretReference(kind, options[f"password_{kind}"])
        for kind in ("file", "env") if f"password_{kind}" in options
    ]  # fmt: skip
    if len(references) > 1:
        raise ValueError("names two places for its password")
    return references[0] if references else None


def _tls(options: dict[str, str], *, local: bool) -> bool:
    """Verified by default where the network lies between; `tls=off` is for networks that one trusts."""
    chosen = options.get("tls", "off" if local and "tls_ca_file" not in options else "verify")
    if chosen not in ("verify", "off"):
        raise ValueError("says of tls neither verify nor off")
    return chosen == "verify"
