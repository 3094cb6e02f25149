"""Keys of shards on Flink: the literal values were computed by Flink's and Beam's own classes."""

from __future__ import annotations

from collections import Counter

import pytest
from apache_beam.coders import VarIntCoder
from hypothesis import given
from hypothesis import strategies as st

from pipelines.flink_keys import (
    _hash_of_bytes,
    _spread,
    _varint,
    default_max_parallelism,
    default_shards,
    key_group,
    key_group_of_coded,
    shard_keys,
    subtask,
)

# Key, FlinkKey.of(key, VarLongCoder.of()).hashCode(), then KeyGroupRangeAssignment: its key group of
# 128 and of 32,768, its subtask of 4 and of 6 with 128 key groups. Beam 2.70, Flink 1.19.
COMPUTED_BY_FLINK = [
    (0, 1862229173, 46, 11054, 1, 2),
    (1, -2089484778, 122, 26106, 3, 5),
    (2, 926293746, 125, 17917, 3, 5),
    (3, 812269145, 68, 28612, 2, 3),
    (63, -1604572180, 37, 20645, 1, 1),
    (64, 1037550752, 16, 23056, 0, 0),
    (127, -1057765541, 62, 16446, 1, 2),
    (128, -494330400, 14, 13454, 0, 0),
    (300, -1331384586, 31, 10783, 0, 1),
    (16383, -623487552, 45, 14509, 1, 2),
    (16384, -591704004, 121, 4985, 3, 5),
    (2147483647, -376598867, 93, 14557, 2, 4),
    (4294967296, 611212284, 12, 14732, 0, 0),
    (9223372036854775807, -1265138948, 107, 5483, 3, 5),
]


@pytest.mark.parametrize(("key", "code", "of_128", "of_32768", "of_4", "of_6"), COMPUTED_BY_FLINK)
def test_a_key_falls_where_flink_puts_it(key, code, of_128, of_32768, of_4, of_6):
    assert _hash_of_bytes(_varint(key)) == code & 0xFFFF_FFFF
    assert (key_group(key, 128), key_group(key, 32_768)) == (of_128, of_32768)
    assert (subtask(key, 128, 4), subtask(key, 128, 6)) == (of_4, of_6)


@pytest.mark.parametrize(
    ("code", "spread"),
    # MathUtils.murmurHash of Flink 1.19.
    [
        (-1155869325, 1486776807), (431529176, 580136210), (1761283695, 1587520934),
        (1749940626, 1665894885), (892128508, 888709023), (155629808, 1934480899),
    ],
)  # fmt: skip
def test_a_hash_code_is_spread_as_flink_does(code, spread):
    assert _spread(code & 0xFFFF_FFFF) == spread


@pytest.mark.parametrize(
    ("coded", "of_128", "of_32768"),
    # FlinkKey.of(coded, LengthPrefixCoder.of(ByteArrayCoder.of())), then KeyGroupRangeAssignment.
    [
        (b"", 46, 11054), (b"a", 119, 4087), (b"0123456789abcd", 10, 21002),
        (b"0123456789abcde", 53, 25013), (b"0123456789abcdef", 72, 15944),
        (b"0123456789abcdef0", 64, 21824), (b"x" * 126, 44, 15916), (b"x" * 127, 45, 28077),
        (b"x" * 128, 113, 9585), (b"x" * 300, 124, 9724),
        (b'[["kafka:9092", "live", "segment", "earliest"], 0, 0, null, null]', 124, 31612),
        (b'[["kafka:9092", "live", null, "earliest"], 3, 0, null, 1772395200000000, 17]',
         96, 12512),
    ],
)  # fmt: skip
def test_what_a_coder_of_pythons_made_falls_where_flink_puts_it(coded, of_128, of_32768):
    assert key_group_of_coded(coded, 128) == of_128
    assert key_group_of_coded(coded, 32_768) == of_32768


@given(st.integers(0, 2**63 - 1))
def test_a_key_is_coded_as_beam_codes_it(key):
    assert _varint(key) == VarIntCoder().encode(key)


def test_a_negative_key_is_refused():
    with pytest.raises(ValueError, match="from 0 to 2\\^63 - 1, found -1"):
        key_group(-1, 128)


def test_sixteen_shards_have_these_keys_for_ever():
    """Keys name the state of jobs that run: another key would lose it."""
    assert shard_keys(16, 128) == (
        6, 17, 11, 287, 237, 19, 4, 139, 568, 415, 95, 196, 60, 198, 65, 20,
    )  # fmt: skip


def test_each_shard_has_a_key_group_of_its_own():
    assert [key_group(key, 128) for key in shard_keys(16, 128)] == list(range(0, 128, 8))
    assert [key_group(key, 128) for key in shard_keys(128, 128)] == list(range(128))


def test_sixty_four_shards_put_seven_on_a_slot_by_number_and_four_by_key():
    def busiest(keys: range | tuple[int, ...]) -> int:
        return max(Counter(subtask(key, 128, 16) for key in keys).values())

    assert busiest(range(64)) == 7
    assert busiest(shard_keys(64, 128)) == 4


@given(
    st.integers(1, 16), st.integers(1, 16), st.sampled_from([128, 256, 1024])
)  # fmt: skip
def test_slots_that_divide_the_shards_have_equally_many_each(each, slots, groups):
    if each * slots > groups:
        return
    keys = shard_keys(each * slots, groups)

    assert Counter(subtask(key, groups, slots) for key in keys) == dict.fromkeys(range(slots), each)


@given(st.integers(1, 100), st.integers(1, 100), st.sampled_from([128, 200, 1024]))
def test_no_slot_has_more_than_two_shards_above_another(shards, slots, groups):
    held = Counter(subtask(key, groups, slots) for key in shard_keys(shards, groups))

    counts = [held[slot] for slot in range(slots)]
    assert max(counts) - min(counts) <= 2


@pytest.mark.parametrize(("shards", "groups"), [(0, 128), (129, 128), (1, 32_769)])
def test_more_shards_than_key_groups_are_refused(shards, groups):
    with pytest.raises(ValueError, match=f"found {shards}"):
        shard_keys(shards, groups)


def test_a_slot_has_four_shards_and_a_shard_a_key_group():
    assert [default_shards(slots) for slots in (1, 2, 16, 10_000)] == [4, 8, 64, 32_768]
    assert [default_max_parallelism(shards) for shards in (1, 16, 128, 129, 1024)] == [
        128, 128, 128, 256, 1024,
    ]  # fmt: skip
