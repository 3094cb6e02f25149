"""Shard keys for Flink: integers that Flink spreads evenly over the slots, whatever their number.

Flink puts a key into one of `max_parallelism` key groups, by a hash of the key's bytes, and gives
each subtask a run of neighbouring groups. Shards keyed by their own numbers fall where the hash
throws them: of 64 on 16 slots, 7 on the busiest. So each shard is keyed by the least integer that
falls into the key group chosen for it.
"""

from __future__ import annotations

from functools import lru_cache

SHARDS_A_SLOT = 4
"""Enough to go on with on four times the slots; few, for what a shard costs a second is mostly the
same however little comes."""

LEAST_MAX_PARALLELISM = 128
"""Up to 128 key groups a key in RocksDB has a prefix of one byte, above of two."""

MOST_MAX_PARALLELISM = 32_768
"""Flink's own bound."""


def default_shards(parallelism: int) -> int:
    """Shards of a new streaming job. They are its state's keys: fixed for the life of the job."""
    return min(SHARDS_A_SLOT * parallelism, MOST_MAX_PARALLELISM)


def default_max_parallelism(shards: int) -> int:
    """Key groups of a new streaming job: a power of two, at least one for each shard."""
    return max(LEAST_MAX_PARALLELISM, 1 << (shards - 1).bit_length())


@lru_cache
def shard_keys(shards: int, max_parallelism: int) -> tuple[int, ...]:
    """The integer that keys each shard: distinct, each in a key group of its own.

    A number of subtasks that divides the shards has equally many of them each; of any other number,
    none has more than two above another. The number is no argument: keys name the job's state, and
    a job that goes on from a savepoint on more slots must find it. Raises ValueError where there
    are more shards than key groups.
    """
    if not 1 <= shards <= max_parallelism <= MOST_MAX_PARALLELISM:
        raise ValueError(
            f"expected 1 to {max_parallelism} shards, one for each of at most"
            f" {MOST_MAX_PARALLELISM} key groups, found {shards}"
        )
    # Rounded up, as the first group of a subtask is.
    wanted = {-(-shard * max_parallelism // shards): shard for shard in range(shards)}
    keys = [0] * shards
    key = 0
    while wanted:
        shard = wanted.pop(key_group(key, max_parallelism), None)
        if shard is not None:
            keys[shard] = key
        key += 1
    return tuple(keys)


def key_group(key: int, max_parallelism: int) -> int:
    """The key group of an integer key: what Flink computes for a Beam key with the VarInt coder.

    Beam's `FlinkKey` hashes the coded key, Flink's `KeyGroupRangeAssignment` hashes that again.
    """
    return _spread(_hash_of_bytes(_varint(key))) % max_parallelism


def key_group_of_coded(coded: bytes, max_parallelism: int) -> int:
    """The key group of what a coder of Python's made of a key, or of a source's element.

    Flink knows no such coder: to it the key is bytes behind their length.
    """
    return _spread(_hash_of_bytes(_varint(len(coded)) + coded)) % max_parallelism


def subtask(key: int, max_parallelism: int, parallelism: int) -> int:
    """The subtask that has a key, of `parallelism`."""
    return key_group(key, max_parallelism) * parallelism // max_parallelism


_BITS_32, _BITS_64 = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF


def _varint(number: int) -> bytes:
    """Beam's VarIntCoder: seven bits a byte, least first, at most ten bytes."""
    if not 0 <= number < 1 << 63:
        raise ValueError(f"expected a key from 0 to 2^63 - 1, found {number}")
    coded = bytearray()
    while number > 0x7F:
        coded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*coded, number])


def _hash_of_bytes(coded: bytes) -> int:
    """The low 32 bits of Murmur3 128 (x64, seed 0)."""
    low = high = 0
    whole = len(coded) - len(coded) % 16
    for begin in range(0, whole, 16):
        low ^= _mixed_low(coded[begin : begin + 8])
        low = (_turned(low, 27) + high) * 5 + 0x52DCE729 & _BITS_64
        high ^= _mixed_high(coded[begin + 8 : begin + 16])
        high = (_turned(high, 31) + low) * 5 + 0x38495AB5 & _BITS_64
    low ^= _mixed_low(coded[whole : whole + 8]) ^ len(coded)
    high ^= _mixed_high(coded[whole + 8 :]) ^ len(coded)
    low = low + high & _BITS_64
    high = high + low & _BITS_64
    return _final_64(low) + _final_64(high) & _BITS_32


def _mixed_low(coded: bytes) -> int:
    block = int.from_bytes(coded, "little") * 0x87C37B91114253D5 & _BITS_64
    return _turned(block, 31) * 0x4CF5AD432745937F & _BITS_64


def _mixed_high(coded: bytes) -> int:
    block = int.from_bytes(coded, "little") * 0x4CF5AD432745937F & _BITS_64
    return _turned(block, 33) * 0x87C37B91114253D5 & _BITS_64


def _turned(block: int, bits: int) -> int:
    return (block << bits | block >> 64 - bits) & _BITS_64


def _final_64(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _BITS_64
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _BITS_64
    return value ^ value >> 33


def _spread(code: int) -> int:
    """Flink's hash of a Java hash code: one 32-bit block of Murmur3, its sign taken off."""
    code = code * 0xCC9E2D51 & _BITS_32
    code = (code << 15 | code >> 17) & _BITS_32
    code = code * 0x1B873593 & _BITS_32
    code = (code << 13 | code >> 19) & _BITS_32
    code = code * 5 + 0xE6546B64 & _BITS_32
    code ^= 4
    code = (code ^ code >> 16) * 0x85EBCA6B & _BITS_32
    code = (code ^ code >> 13) * 0xC2B2AE35 & _BITS_32
    code ^= code >> 16
    # As a signed integer: its absolute value, but 0 for the least, which has none.
    return code if code < 1 << 31 else (1 << 32) - code if code > 1 << 31 else 0
