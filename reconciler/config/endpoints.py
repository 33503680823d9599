"""Where the endpoint of a storage may lead: not to what a machine tells itself, and not in clear text unnoticed.

It looks at the text alone; what a name resolves to is the network's business, and not asked here (P6).
"""

import ipaddress
import re
from urllib.parse import urlsplit

LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1|\[::1\]", re.IGNORECASE)


def fault(endpoint: str) -> str | None:
    """Why nothing may be sent there: link-local addresses are a cloud's own, with keys for whoever asks."""
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"endpoint {endpoint!r} is no URL"
    if not host:
        return f"endpoint {endpoint!r} names no host"
    address = _address(host)
    if address is not None and (address.is_link_local or address.is_unspecified or address.is_multicast):
        return f"endpoint {endpoint!r} is a link-local or otherwise special address, where no object store is"
    return None


def is_plain(endpoint: str) -> bool:
    """Whether data would cross a network in clear text."""
    parts = urlsplit(endpoint)
    return parts.scheme == "http" and LOOPBACK.fullmatch(parts.hostname or "") is None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address in any of its spellings: `2852039166` and `0xa9.254.43518` are 169.254.169.254 to every client."""
    import socket  # noqa: PLC0415  for its reading of addresses alone, and most files name none

    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.ip_address(socket.inet_aton(host))
        except OSError:
            return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
