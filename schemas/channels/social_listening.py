"""Social listening exports: posts that matched a search, one a row, with text values.

Rows have `name`, `text`, `tweet_created`, `user_timezone`, `retweet_count`. Not read: `label` (a
human annotation, for evaluation only), `index` (a row number), `tweet_id` (see below).

- **Time.** `tweet_created` (month/day/year hour:minute) is on the exporting tool's clock, US
  Pacific time, not on the author's. The network's ids come through a spreadsheet, which keeps six
  digits: no key, but still the time to some four minutes (an id's upper bits are milliseconds). In
  every row of the export this was written for, the ids put `tweet_created` at UTC−8, whatever the
  row's zone, and rows are newest first across zones. So the time is the network's own (`true`), to
  the minute. `user_timezone`, a Rails zone name, only tells the author's civil time.
- **Identity.** No id can be trusted: author, time and text together are the post. An export made
  again later, with other counts, gives the same events.
- **Words.** HTML entities are undone. Text broken by an earlier conversion stays as it is: what it
  said cannot be known.
"""

from __future__ import annotations

import html
import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from schemas.channel import Channel, Kind, Sheet
from schemas.times import EARLIEST, LATEST

EXPORT_ZONE = "America/Los_Angeles"
"""The zone of `tweet_created`."""


class Post(msgspec.Struct, gc=False):
    text: str
    tweet_created: str | None = None
    name: Any = None
    user_timezone: Any = None
    retweet_count: Any = None


KINDS = (
    Kind("post", "comment", modality="text"),
    Kind("retweet", "share", modality="gesture_ui"),
)

_NAMED_BY_CITY = """
Africa/Cairo Africa/Casablanca Africa/Harare Africa/Monrovia Africa/Nairobi
America/Argentina/Buenos_Aires America/Bogota America/Caracas America/Chihuahua America/La_Paz
America/Lima America/Mazatlan America/Mexico_City America/Monterrey America/Montevideo
America/Puerto_Rico America/Santiago America/Tijuana Asia/Almaty Asia/Baghdad Asia/Baku
Asia/Bangkok Asia/Dhaka Asia/Hong_Kong Asia/Irkutsk Asia/Jakarta Asia/Jerusalem Asia/Kabul
Asia/Kamchatka Asia/Karachi Asia/Kathmandu Asia/Kolkata Asia/Krasnoyarsk Asia/Kuala_Lumpur
Asia/Kuwait Asia/Magadan Asia/Muscat Asia/Novosibirsk Asia/Riyadh Asia/Seoul Asia/Singapore
Asia/Srednekolymsk Asia/Taipei Asia/Tashkent Asia/Tbilisi Asia/Tehran Asia/Tokyo
Asia/Ulaanbaatar Asia/Urumqi Asia/Vladivostok Asia/Yakutsk Asia/Yerevan Atlantic/Azores
Australia/Adelaide Australia/Brisbane Australia/Darwin Australia/Hobart Australia/Melbourne
Australia/Perth Australia/Sydney Europe/Amsterdam Europe/Athens Europe/Belgrade Europe/Berlin
Europe/Bratislava Europe/Brussels Europe/Bucharest Europe/Budapest Europe/Copenhagen
Europe/Dublin Europe/Helsinki Europe/Istanbul Europe/Kaliningrad Europe/Lisbon
Europe/Ljubljana Europe/London Europe/Madrid Europe/Minsk Europe/Moscow Europe/Paris
Europe/Prague Europe/Riga Europe/Rome Europe/Samara Europe/Sarajevo Europe/Skopje Europe/Sofia
Europe/Stockholm Europe/Tallinn Europe/Vienna Europe/Vilnius Europe/Volgograd Europe/Warsaw
Europe/Zagreb Europe/Zurich Pacific/Auckland Pacific/Fiji Pacific/Guam Pacific/Port_Moresby
"""
RAILS_ZONES = {
    zone.rpartition("/")[2].replace("_", " "): zone for zone in _NAMED_BY_CITY.split()
} | {
    "Abu Dhabi": "Asia/Muscat",
    "Alaska": "America/Juneau",
    "American Samoa": "Pacific/Pago_Pago",
    "Arizona": "America/Phoenix",
    "Astana": "Asia/Almaty",
    "Atlantic Time (Canada)": "America/Halifax",
    "Beijing": "Asia/Shanghai",
    "Bern": "Europe/Zurich",
    "Brasilia": "America/Sao_Paulo",
    "Canberra": "Australia/Melbourne",
    "Cape Verde Is.": "Atlantic/Cape_Verde",
    "Central America": "America/Guatemala",
    "Central Time (US & Canada)": "America/Chicago",
    "Chatham Is.": "Pacific/Chatham",
    "Chennai": "Asia/Kolkata",
    "Chongqing": "Asia/Shanghai",
    "Eastern Time (US & Canada)": "America/New_York",
    "Edinburgh": "Europe/London",
    "Ekaterinburg": "Asia/Yekaterinburg",
    "Georgetown": "America/Guyana",
    "Greenland": "America/Nuuk",
    "Guadalajara": "America/Mexico_City",
    "Hanoi": "Asia/Bangkok",
    "Hawaii": "Pacific/Honolulu",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "International Date Line West": "Pacific/Midway",
    "Islamabad": "Asia/Karachi",
    "Kyiv": "Europe/Kyiv",
    "Marshall Is.": "Pacific/Majuro",
    "Mid-Atlantic": "Atlantic/South_Georgia",
    "Midway Island": "Pacific/Midway",
    "Mountain Time (US & Canada)": "America/Denver",
    "Mumbai": "Asia/Kolkata",
    "New Caledonia": "Pacific/Noumea",
    "New Delhi": "Asia/Kolkata",
    "Newfoundland": "America/St_Johns",
    "Nuku'alofa": "Pacific/Tongatapu",
    "Osaka": "Asia/Tokyo",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Pretoria": "Africa/Johannesburg",
    "Quito": "America/Lima",
    "Rangoon": "Asia/Yangon",
    "Samoa": "Pacific/Apia",
    "Sapporo": "Asia/Tokyo",
    "Saskatchewan": "America/Regina",
    "Solomon Is.": "Pacific/Guadalcanal",
    "Sri Jayawardenepura": "Asia/Colombo",
    "St. Petersburg": "Europe/Moscow",
    "Tokelau Is.": "Pacific/Fakaofo",
    "UTC": "Etc/UTC",
    "Wellington": "Pacific/Auckland",
    "West Central Africa": "Africa/Algiers",
}
"""Zone names of Rails (ActiveSupport::TimeZone::MAPPING), as Twitter used them, to IANA zones."""

_CREATED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d\d) (\d{1,2}):(\d\d)(?::(\d\d))?")
_RETWEET = re.compile(r"(?:RT @\w+: ?)+")


def fill(posts: list[Post], sheet: Sheet) -> None:
    """Columns of posts. A retweet's text is what it repeats, without the handle it repeats."""
    texts = [html.unescape(p.text) if "&" in p.text else p.text for p in posts]
    heads = [_RETWEET.match(text) for text in texts]
    sheet.put("kind", ["retweet" if head else "post" for head in heads])
    sheet.put("text", [text[head.end() :] if head else text for text, head in zip(texts, heads)])
    sheet.put("object_type", "post")
    sheet.put("source_class", "consumer")
    names = [
        str(p.name).strip().lstrip("@").lower() if isinstance(p.name, (str, int)) else ""
        for p in posts
    ]
    sheet.put("raw_actor", [f"handle:twitter:{name}" if name else None for name in names])
    sheet.put("actor_basis", ["channel_native" if name else "none" for name in names])
    created = [p.tweet_created or None for p in posts]
    sheet.put(
        "id_key",
        [f"{name}\x1f{time}\x1f{p.text}" for name, time, p in zip(names, created, posts)],
    )
    instants = {text: _instant(text) for text in set(created) if text}
    times = [instants[text] if text else None for text in created]
    # Text that is no time must be refused, not guessed at: "" is no time to `put_instants` either.
    written = [
        time.isoformat() if time else "" if text else None for text, time in zip(created, times)
    ]
    sheet.put_instants("event_time", written, "$.tweet_created", required=True)
    zones = [p.user_timezone if isinstance(p.user_timezone, str) else "" for p in posts]
    local = [(_zone(zone), time) for zone, time in zip(zones, times)]
    offsets = {pair: _offset(*pair) for pair in set(local)}
    sheet.put("tz_offset_min", [offsets[pair] for pair in local])
    _counts(posts, sheet)


def _counts(posts: list[Post], sheet: Sheet) -> None:
    """How often the post was repeated when the export was made, in `ext`."""
    native = [None if p.retweet_count == "" else p.retweet_count for p in posts]
    sheet.put_number("_retweets", native, "$.retweet_count", 0, 1e12)
    counts = sheet.columns.pop("_retweets")
    sheet.put("ext", [f'{{"retweet_count":{int(n)}}}' if n is not None else None for n in counts])


def _instant(text: str) -> datetime | None:
    """The instant of `month/day/year hour:minute` on the exporter's clock; null if it is none.

    The hour that happens twice in autumn is its first; spring's missing hour is read as if the
    clock had not been put forward.
    """
    match = _CREATED.fullmatch(text.strip())
    if match is None:
        return None
    month, day, year, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        wall = datetime(
            year + 2000 if len(match[3]) == 2 else year, month, day, hour, minute, second
        )
        instant = wall.replace(tzinfo=ZoneInfo(EXPORT_ZONE)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return instant if EARLIEST <= instant < LATEST else None


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    """The zone of a Rails or IANA name; null if there is none of that name."""
    if name not in RAILS_ZONES and "/" not in name:
        return None
    try:
        return ZoneInfo(RAILS_ZONES.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _offset(zone: ZoneInfo | None, time: datetime | None) -> int | None:
    if zone is None or time is None:
        return None
    offset = time.astimezone(zone).utcoffset()
    return None if offset is None else round(offset.total_seconds() / 60)


def recognise(payload: bytes) -> bool:
    return b'"tweet_created"' in payload and b'"user_timezone"' in payload


CHANNEL = Channel(
    name="social_listening",
    title="Social listening export",
    document="CSV export of matched posts: name, text, tweet_created, user_timezone, retweet_count",
    media_type="earned",
    provenance="partner",
    kinds=KINDS,
    parse=msgspec.json.Decoder(Post).decode,
    fill=fill,
    recognise=recognise,
    kind_path="$.text",
    clock="server",
)
