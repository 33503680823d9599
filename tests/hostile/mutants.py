"""What becomes of good bytes in bad hands: one seeded mutation after the other. It knows no format, but for its words."""

import random

WORDS = (
    b"[", b"]", b"{", b"}", b": ", b"- ", b"? ", b"&a ", b"*a", b"<<: *a\n", b"!!python/object:os.system ", b"!x ", b"|\n", b">-\n",
    b"'", b'"', b"#", b"---\n", b"...\n", b"%YAML 1.1\n", b"\t", b"\n", b"\r", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80",
    "\u202e".encode(), "\u2028".encode(), b"\x1b[2J", b"~", b"null", b"true", b"1e999", b"-1", b"0", b"99999999999999999999", b".inf",
    b".nan", b"12:30", b"0777", b"2026-02-30T00:00:00Z", b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00+23:59", b"../../x",
    b"\\ud800", b"\\u0000", b"NaN", b"Infinity", b'"$instant":', b'"$datetime":{"year":1}', b"a" * 300, b"[" * 200, b'{"a":' * 100,
)  # fmt: skip


def mutant(content: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        content = chance.choice(STEPS)(content, chance)
    return content


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: _at(content, chance)]


def _drop(content: bytes, chance: random.Random) -> bytes:
    at = _at(content, chance)
    return content[:at] + content[at + chance.randint(1, 40) :]


def _flip(content: bytes, chance: random.Random) -> bytes:
    at = _at(content, chance)
    return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]


def _insert(content: bytes, chance: random.Random) -> bytes:
    at = _at(content, chance)
    return content[:at] + chance.choice(WORDS) * chance.choice((1, 1, 1, 5)) + content[at:]


def _over(content: bytes, chance: random.Random) -> bytes:
    """In the place of a word."""
    at = _at(content, chance)
    end = next((n for n in range(at, len(content)) if content[n : n + 1] in b' ,:\n"}]'), len(content))
    return content[:at] + chance.choice(WORDS) + content[end:]


def _line(content: bytes, chance: random.Random) -> bytes:
    """A line once more, somewhere else, or further in."""
    lines = content.splitlines(keepends=True) or [b""]
    taken = chance.choice(lines)
    lines.insert(chance.randrange(len(lines) + 1), chance.choice((b"", b"  ", b"    ", b"- ")) + taken)
    return b"".join(lines)


def _at(content: bytes, chance: random.Random) -> int:
    return chance.randrange(len(content) + 1)


STEPS = (_cut, _drop, _flip, _insert, _insert, _over, _over, _line)
