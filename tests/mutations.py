"""Mutations of fixture lines: what vendors, proxies, disks and attackers make of good records."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.checks import TESTS

WILD_TEXTS = (
    "",
    " ",
    "\x00",
    "nan",
    "-inf",
    "1e400",
    "0",
    "-1",
    "9" * 400,
    "true",
    "null",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01T00:00:00Z",
    "2026-02-30T10:00:00Z",
    "2026-03-02T10:00:00+24:00",
    "2026-03-02T10",
    "1/1/0001 00:00",
    "12/31/9999 23:59",
    "13/13/13 13:13",
    "<script>alert(1)</script>",
    "=1+1",
    "a\x1fb",
    "\u2028",
    "\ufeff",
    "é" * 300,
    "\U0001f468\u200d\U0001f469",
    "../../etc/passwd",
    "a@example.com",
    "track: Order Completed",
    "textMessageEvent: emoji",
    "com.moment.comment.posted.v1: reply",
)
WILD_NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**400, 0.1, -1e308)
WILD = (*WILD_TEXTS, *WILD_NUMBERS, None, True, False, [], {}, [[]], {"": None}, [1, "a", {}])
_LITERALS = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b'"\\ud800"',
    b'"\\udc00x"',
    b"1e999",
    b"01",
    b"'a'",
)
_NOISE = (
    b"\x00",
    b"\xff\xfe",
    b"\xe9",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\\u0000",
    b"{",
    b"]",
    b'"',
)


@cache
def fixture_lines(channel: str) -> tuple[bytes, ...]:
    (path,) = (TESTS / "fixtures").glob(f"{channel}.*")
    return tuple(path.read_bytes().splitlines())


def mutate(line: bytes, other: bytes, chance: random.Random) -> bytes:
    """`line` with one to three faults; `other` is a record to splice with."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        line = chance.choice(_MUTATIONS)(line, other, chance)
    return line


def _bytes_changed(line: bytes, other: bytes, chance: random.Random) -> bytes:
    changed = bytearray(line or b"x")
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _noise_added(line: bytes, other: bytes, chance: random.Random) -> bytes:
    place = chance.randint(0, len(line))
    return line[:place] + chance.choice(_NOISE) + line[place:]


def _cut_short(line: bytes, other: bytes, chance: random.Random) -> bytes:
    return line[: chance.randint(0, len(line))]


def _spliced(line: bytes, other: bytes, chance: random.Random) -> bytes:
    return line[: chance.randint(0, len(line))] + other[chance.randint(0, len(other)) :]


def _recoded(line: bytes, other: bytes, chance: random.Random) -> bytes:
    return line.decode("utf-8", "replace").encode(
        chance.choice(("latin-1", "utf-16", "utf-16-le", "utf-32")), "replace"
    )


def _number_as_literal(line: bytes, other: bytes, chance: random.Random) -> bytes:
    cells = line.split(b",")
    index = chance.randrange(len(cells))
    before, colon, _ = cells[index].rpartition(b":")
    cells[index] = before + colon + chance.choice(_LITERALS)
    return b",".join(cells)


def _value_replaced(line: bytes, other: bytes, chance: random.Random) -> bytes:
    return _restructured(line, chance, lambda holder, key: _set(holder, key, chance.choice(WILD)))


def _number_as_text(line: bytes, other: bytes, chance: random.Random) -> bytes:
    def swap(holder: Any, key: Any) -> None:
        value = holder[key]
        if isinstance(value, str):
            holder[key] = chance.choice((0, 1, len(value), 1772438400))
        else:
            holder[key] = json.dumps(value)

    return _restructured(line, chance, swap)


def _key_dropped(line: bytes, other: bytes, chance: random.Random) -> bytes:
    return _restructured(line, chance, lambda holder, key: holder.pop(key))


def _value_nested(line: bytes, other: bytes, chance: random.Random) -> bytes:
    wrapped = chance.choice((lambda v: [v], lambda v: {"value": v}, lambda v: [v, v]))
    return _restructured(line, chance, lambda holder, key: _set(holder, key, wrapped(holder[key])))


def _key_twice(line: bytes, other: bytes, chance: random.Random) -> bytes:
    if line[:1] != b"{" or other[:1] != b"{":
        return line + line
    return line.rstrip()[:-1] + b"," + other[1:]


def _token_replaced(line: bytes, other: bytes, chance: random.Random) -> bytes:
    tokens = line.split(b" ")
    tokens[chance.randrange(len(tokens))] = str(chance.choice(WILD)).encode("utf-8", "replace")
    return b" ".join(tokens)


_MUTATIONS = (
    _bytes_changed,
    _noise_added,
    _cut_short,
    _spliced,
    _recoded,
    _number_as_literal,
    _value_replaced,
    _value_replaced,
    _value_replaced,
    _number_as_text,
    _key_dropped,
    _value_nested,
    _key_twice,
    _token_replaced,
)


def _set(holder: Any, key: Any, value: Any) -> None:
    holder[key] = value


def _restructured(line: bytes, chance: random.Random, change: Any) -> bytes:
    """JSON with one place in it changed; what is no JSON stays."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return line
    places = list(_places(value))
    if not places:
        return json.dumps(chance.choice(WILD)).encode()
    change(*chance.choice(places))
    return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "replace")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key or index) of a JSON value."""
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])
