"""Screen: flag known automata by published lists. Nothing is dropped: gross stays beside valid."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from crawleruseragents import CRAWLER_USER_AGENTS_DATA, is_crawler, matching_crawlers

from schemas.columns import spread

_MAIL_PROXY = re.compile(r"GoogleImageProxy|YahooMailProxy")
"""Gmail's and Yahoo's image proxies fetch the pixel for whoever opens the mail, and hide who that
is: an open as likely a person's as one without a user agent."""

_MAIL_PREFETCH = re.compile(
    r"^Mozilla/5\.0$|Chrome/42\.0\.2311\.135 Safari/537\.36 Edge/12\.246 Mozilla/5\.0$"
)
"""Apple's mail privacy protection and Gmail's prefetch fetch it whether or not anybody reads."""

_TELEVISION = re.compile(
    r"SmartTV|SMART-TV|HbbTV|AppleTV|GoogleTV|BRAVIA|Roku|CrKey|AFT[A-Z]|Tizen.*TV"
)
_MOBILE = re.compile(r"Mobi|Android|iPhone|iPad|Windows Phone|Opera Mini")


LONGEST_USER_AGENT = 1024
"""Characters judged: a hostile megabyte would be searched for every pattern of the list."""


class Verdict(NamedTuple):
    ivt_class: str
    ivt_reason: str | None
    device_class: str | None


_UNJUDGED = Verdict("unknown", None, None)
_UNKNOWN, _GIVT = pa.scalar("unknown"), pa.scalar("givt")


def _judge(user_agent: str) -> Verdict:
    """Nothing is said of an agent that says nothing; a long one is judged by its beginning."""
    if user_agent in ("", "-"):
        return _UNJUDGED
    return judge_user_agent(user_agent[:LONGEST_USER_AGENT])


@lru_cache(maxsize=65_536)
def judge_user_agent(user_agent: str) -> Verdict:
    """Traffic class, reason and device class of one user agent (cached: agents repeat)."""
    if _MAIL_PROXY.search(user_agent):
        return Verdict("unknown", "mail-proxy", "none")
    if _MAIL_PREFETCH.search(user_agent):
        return Verdict("givt", "mail-prefetch", "none")
    if is_crawler(user_agent):
        listed = CRAWLER_USER_AGENTS_DATA[matching_crawlers(user_agent)[0]]["pattern"]
        return Verdict("givt", f"crawler-user-agents:{listed}", "none")
    if _TELEVISION.search(user_agent):
        return Verdict("valid", None, "tv")
    return Verdict("valid", None, "mobile" if _MOBILE.search(user_agent) else "desktop")


def screen(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The NATIVE_EVENT batch with ivt_class, ivt_reason and device_class filled from user agents.

    What a channel already said stays: a vendor's own machine flag, a device class. Rows without a
    user agent and without a flag stay `unknown`. So do rows that a channel calls unknown with a
    reason, unless their user agent is a known automaton's.
    """
    agents = batch.column("raw_user_agent")
    if agents.null_count == len(agents):
        return batch
    encoded = pc.dictionary_encode(agents)
    distinct = encoded.dictionary.to_pylist()
    verdicts = [_judge(agent) for agent in distinct]
    columns = {
        name: spread(pa.array(values, pa.string()), encoded.indices)
        for name, values in zip(Verdict._fields, zip(*verdicts))
    }
    if columns["ivt_class"].null_count:
        columns["ivt_class"] = pc.fill_null(columns["ivt_class"], _UNKNOWN)
    stated = pc.or_(
        pc.not_equal(batch.column("ivt_class"), _UNKNOWN),
        pc.and_(pc.is_valid(batch.column("ivt_reason")), pc.not_equal(columns["ivt_class"], _GIVT)),
    )
    if stated.true_count:
        for name in ("ivt_class", "ivt_reason"):
            columns[name] = pc.if_else(stated, batch.column(name), columns[name])
    said = batch.column("device_class")
    if said.null_count < len(said):
        columns["device_class"] = pc.coalesce(said, columns["device_class"])
    return replace_columns(batch, columns)


def replace_columns(batch: pa.RecordBatch, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    """The batch with some columns exchanged, schema and metadata unchanged."""
    for name, column in columns.items():
        place = batch.schema.get_field_index(name)
        batch = batch.set_column(place, batch.schema.field(place), column)
    return batch
