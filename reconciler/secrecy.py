"""The secrets that this process has read, so that no message repeats one, whoever said it first.

A server may put the statement that it refused into its answer, keys and all; a driver may show a header. It must
know nothing of where secrets come from or go to.
"""

LEAST = 4  # characters; a shorter one would be found in every other word
HIDDEN = "***"
_known: set[str] = set()


def remember(secret: str) -> None:
    """As it is, and as it stands in a statement's string."""
    if len(secret) >= LEAST:
        _known.update({secret, secret.replace("\\", "\\\\").replace('"', '\\"'), repr(secret)[1:-1]})


def hidden(text: str) -> str:
    """The text without any secret that is known, the longest first."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
