"""Memo: what repeats is read once, what does not is soon read without a memo."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.channels import segment
from schemas.memo import FEWEST, PAUSE, Memo, Texts


def _raws(*texts: bytes) -> list[msgspec.Raw]:
    return [msgspec.Raw(text) for text in texts]


def test_equal_texts_are_read_once_whoever_says_them():
    read: list[bytes] = []
    texts = Texts(lambda text: (read.append(text), text.decode())[1])

    assert texts.read(["ana", "ben", "ana"], _raws(b"1", b"1", b"2")) == ["1", "1", "2"]
    assert texts.read(["ana", "ben"], _raws(b"2", b"1")) == ["2", "1"]
    assert read == [b"1", b"2"]


def test_a_full_memo_forgets_and_goes_on():
    memo = Memo(str, most=2)

    assert [memo[n] for n in (1, 2, 3, 1)] == ["1", "2", "3", "1"]
    assert len(memo) == 2


def test_an_error_is_raised_again_and_not_remembered():
    texts = Texts(msgspec.json.decode)
    for _ in range(2):
        with pytest.raises(msgspec.DecodeError):
            texts.read(["ana"], _raws(b"{"))


def test_where_nothing_repeats_one_group_in_sixteen_tries_again():
    texts = Texts(bytes.decode)
    numbers = iter(range(100_000))
    tried = []
    for _ in range(2 * PAUSE + 1):
        tried.append(texts.worthwhile())
        if tried[-1]:
            news = [b"%d" % next(numbers) for _ in range(FEWEST)]
            texts.read(news, _raws(*news))

    assert [n for n, yes in enumerate(tried) if yes] == [0, PAUSE, 2 * PAUSE]


def test_where_texts_repeat_and_in_small_groups_the_memo_stays():
    texts = Texts(bytes.decode)
    texts.read(range(FEWEST), _raws(*[b"same"] * FEWEST))
    assert texts.worthwhile()
    texts.read([1], _raws(b"new"))
    assert texts.worthwhile()


_CONTEXT = st.sampled_from(
    [
        b"null",
        b"{}",
        b'{"ip":"198.51.100.1"}',
        b'{"userAgent":"a","page":{"path":"/live"}}',
        b'{"sessionId":7,"locale":"fr-FR","consent":{"categoryPreferences":{"Analytics":false}}}',
        b'{"page":{"path":3}}',
        b"[]",
    ]
)


@given(st.lists(st.tuples(st.sampled_from(["ana", "ben"]), _CONTEXT), max_size=20))
def test_calls_say_the_same_with_their_contexts_read_once_and_read_whole(said):
    lines = b"\n".join(
        b'{"type":"track","anonymousId":"%b","context":%b}' % (who.encode(), context)
        for who, context in said
    )
    try:
        whole = segment._CALL.decode_lines(lines)
    except msgspec.DecodeError:
        with pytest.raises(msgspec.DecodeError):
            segment._with_contexts(segment._SKIMMED.decode_lines(lines))
        return
    skimmed = segment._with_contexts(segment._SKIMMED.decode_lines(lines))

    none = segment._NO_CONTEXT
    for one, other in zip(whole, skimmed, strict=True):
        assert (one.context or none) == (other.context or none)
        assert (one.type, one.anonymous_id) == (other.type, other.anonymous_id)
