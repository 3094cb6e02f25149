"""Calls as columns: however they are read and wherever they are cut, the columns are the same."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.channel import Sheet
from schemas.channels import segment_calls
from schemas.channels.segment import fill
from schemas.channels.segment_calls import columns, parse, parse_lines
from schemas.channels.segment_contexts import Contexts
from schemas.memo import FEWEST, Texts

_CONTEXT = st.sampled_from(
    [
        "null",
        "{}",
        '{"ip":"198.51.100.1"}',
        '{"userAgent":"a","page":{"path":"/live"},"campaign":{"name":"tv"}}',
        '{"sessionId":7,"locale":"fr-FR","consent":{"categoryPreferences":{"Analytics":false}}}',
        '{"device":{"type":"iOS"},"consentManagement":{"allowedConsentIds":["C0002"]}}',
        '{"consent":{"categoryPreferences":3}}',
    ]
)
_EVENT = st.sampled_from(
    [
        "Video Content Playing",
        "Video Playback Started",
        "Video Ad Started",
        "Order Completed",
        "Product Reviewed",
        "Products Searched",
        "Whatever",
    ]
)
_VALUE = st.sampled_from(["", "a", "b", 0, 3, 0.5, True, None, [], ["c"], {"asset_id": "d"}, "12"])
_NAMES = ("content_asset_id", "content_asset_ids", "asset_id", "content", "session_id")
_PROPERTIES = st.dictionaries(
    st.sampled_from(
        [*_NAMES, "position", "order_id", "product_id", "revenue", "currency", "path", "query"]
    ),
    _VALUE,
)
_CALL = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "track", "page", "screen", "no"]), "event": _EVENT},
    optional={
        "messageId": st.sampled_from(["", "m1", "m2"]),
        "userId": st.sampled_from(["", "ana", 7, 0, None]),
        "anonymousId": st.sampled_from(["", "x", 8]),
        "name": st.sampled_from(["", "home"]),
        "timestamp": st.sampled_from(["", "now", "2026-03-02T10:00:00Z"]),
        "receivedAt": st.sampled_from(["2026-03-02T10:00:01.5Z", "2026-03-02T11:00:01+01:00"]),
        "properties": st.none() | _PROPERTIES,
    },
)


def _filled(calls: Any) -> tuple[dict[str, Any], list]:
    """What `fill` makes of calls: columns as lists, those that say nothing left out, and rejects."""
    sheet = Sheet(len(calls))
    fill(calls, sheet)
    lists = {n: c if isinstance(c, list) else c.to_pylist() for n, c in sheet.columns.items()}
    return {n: c for n, c in lists.items() if any(v is not None for v in c)}, sorted(sheet.rejects)


@given(st.lists(st.tuples(_CALL, _CONTEXT), min_size=1, max_size=12), st.data())
def test_calls_are_the_same_columns_read_in_groups_or_one_by_one_and_cut_anywhere(said, data):
    lines = [f'{json.dumps(call)[:-1]},"context":{text}}}'.encode() for call, text in said]
    one_by_one = _filled(columns([parse(line) for line in lines]))
    cut = data.draw(st.integers(0, len(lines)))
    groups = [b"\n".join(group) for group in (lines[:cut], lines[cut:]) if group]

    first, *others = [parse_lines(memoryview(group)) for group in groups]
    joined = first.concat(others) if others else first
    assert len(joined) == len(lines)
    assert _filled(joined) == one_by_one

    parts = [part for part in (joined[:cut], joined[cut:]) if len(part)]
    assert _filled(parts[0].concat(parts[1:])) == one_by_one


def test_groups_read_whole_and_with_a_book_and_with_the_next_one_join(monkeypatch):
    monkeypatch.setattr(segment_calls, "CONTEXTS", Texts(Contexts, most=FEWEST))
    lines = [
        b'{"type":"page","messageId":"%d","context":{"ip":"10.0.0.%d","campaign":%b}}'
        % (n, n % 100, b"null" if n % 2 else b'{"name":"tv"}')
        for n in range(5 * FEWEST)
    ]
    cuts = [(n, n + FEWEST // 2) for n in range(0, len(lines), FEWEST // 2)]
    groups = [memoryview(b"\n".join(lines[a:b])) for a, b in cuts]
    first, *others = [parse_lines(group) for group in groups]

    assert _filled(first.concat(others)) == _filled(columns([parse(line) for line in lines]))


@pytest.mark.parametrize("context", [b"[]", b'{"page":{"path":3}}'])
def test_a_context_that_is_none_is_refused_in_a_group_too(context):
    line = b'{"type":"page","context":%b}' % context

    with pytest.raises(msgspec.ValidationError, match=r"at `\$\.context"):
        parse(line)
    with pytest.raises(msgspec.ValidationError):
        parse_lines(memoryview(line))
