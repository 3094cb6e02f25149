"""Web server access logs: Apache and nginx, combined or common log format, one request a line.

A view is a GET of a document that was answered with content (2xx) or found fresh in the browser's
cache (304). Requests for parts of pages, by software, or without content are counted as ignored.
Method and status semantics are RFC 9110's; 499, 444 and 000 are nginx's.

- The log has no ids and whole seconds: byte-identical lines are one request, so a client that truly
  asks twice for one thing within a second counts once.
- The actor is address and user agent, or the remote user where the server authenticated one. Behind
  a proxy the address is the proxy's, unless the server's real address module restores it or the
  line begins with the list of X-Forwarded-For: of that the first known address is taken, the
  client's by its own or its proxy's word. A port beside it is the connection's and is left out.
- A content is a path, as in the calls of the same pages, so the host that a line names (Apache's
  vhost_combined, an absolute target) is not part of it. In a log of several sites pages of one
  path are one content: measure each site's lines apart.
- A line cut off after the size (a full disk, a rotation) is taken without what it lost.
- The query string, where forms leave personal values, is dropped but for `utm_campaign` and
  `utm_medium`; of the referrer only the domain stays, in `ext`; a path segment holding an address
  becomes `redacted`.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from schemas.channel import Channel, Kind, ParseError, Sheet
from schemas.failure import Reason


class Request(msgspec.Struct, gc=False):
    """One line of the log, fields as written but for undecodable bytes."""

    host: str
    user: str
    time: str
    line: str
    status: str
    referrer: str | None
    agent: str | None


class _Meaning(NamedTuple):
    """What a request line and its status say."""

    kind: str
    path: str
    campaign: str | None
    paid: bool


_PROGRAM = "HTML forms cannot send it: a program's call, not a person's"
_SOFTWARE = "read by software, whether or not anybody looks"
KINDS = (
    Kind("page", "view"),
    Kind("download", "custom"),
    Kind("post", "custom"),
    Kind("asset", ignored="part of a page"),
    Kind("feed", ignored=_SOFTWARE),
    Kind("machine file", ignored=_SOFTWARE),
    Kind("part", ignored="a range of a file, of which one reading makes many"),
    Kind("no content", ignored="nothing was seen"),
    Kind("informational", ignored="the final answer is another line"),
    Kind("redirect", ignored="the page it leads to is counted"),
    Kind("client error", ignored="nothing was seen"),
    Kind("server error", ignored="nothing was seen"),
    Kind("unanswered", ignored="nothing was seen"),
    Kind("head", ignored="nothing was seen"),
    Kind("options", ignored="nothing was seen"),
    Kind("trace", ignored="nothing was seen"),
    Kind("connect", ignored="nothing was seen"),
    Kind("put", ignored=_PROGRAM),
    Kind("patch", ignored=_PROGRAM),
    Kind("delete", ignored=_PROGRAM),
    Kind("query", ignored=_PROGRAM),
    Kind("webdav", ignored=_PROGRAM),
    Kind("purge", ignored="a cache is emptied: upkeep of the site"),
)
_WEBDAV = (
    "ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY LABEL LOCK MERGE MKACTIVITY MKCALENDAR MKCOL "
    "MKREDIRECTREF MKWORKSPACE MOVE ORDERPATCH PROPFIND PROPPATCH REBIND REPORT SEARCH UNBIND "
    "UNCHECKOUT UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL"
)
"""Methods of WebDAV and what extends it, as IANA registers them."""
_NAMED = ("post", "head", "options", "trace", "connect", "put", "patch", "delete", "query", "purge")
_METHODS = {n.upper(): n for n in _NAMED} | dict.fromkeys(_WEBDAV.split(), "webdav")
_STATUS_CLASSES = {
    "1": "informational",
    "3": "redirect",
    "4": "client error",
    "5": "server error",
}
_EXTENSIONS = {
    extension: kind
    for kind, extensions in {
        "asset": "css js mjs map png jpg jpeg gif svg webp avif bmp ico cur woff woff2 ttf otf eot "
        "swf wasm mp4 webm m3u8 mpd ts m4s vtt",
        "feed": "rss atom rdf",
        "machine file": "json xml xsl xsd webmanifest",
        "download": "zip gz tgz bz2 xz 7z rar tar exe msi dmg pkg deb rpm apk ipa jar war whl gem "
        "iso bin doc docx xls xlsx ppt pptx odt ods csv epub mobi mp3 m4a ogg wav flac mov avi",
    }.items()
    for extension in extensions.split()
}
_FEED_NAMES = {"feed", "feeds", "rss", "atom", "feed.xml", "rss.xml", "atom.xml", "index.xml"}
_MACHINE_NAMES = {"robots.txt", "ads.txt", "app-ads.txt", "humans.txt", "security.txt"}
_MONTH_NAMES = "JanFebMarAprMayJunJulAugSepOctNovDec"
_MONTHS = {_MONTH_NAMES[3 * n : 3 * n + 3]: f"{n + 1:02d}" for n in range(12)}

_QUOTED = r'([^"\\]*(?:\\.[^"\\]*)*)'
_LINE = re.compile(
    r"(?:[\w.-]+:\d+ )?"  # the virtual host of Apache's vhost_combined
    # A list is taken whole or not at all, times are short: else a hostile line takes its length
    # squared.
    r"(?=((?:\S+, )*\S+))\1 \S+ (.*?) \[(\d[^\]]{0,63})\] "
    rf'"{_QUOTED}" (\d{{3}}|-) (?:\d+|-)'
    rf'(?: "{_QUOTED}(?:" "{_QUOTED}(?:"(?: .*)?)?)?)?\r?$'
)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)
_SESSION_PARAMETER = re.compile(r";jsessionid=.*", re.IGNORECASE)
_AT = re.compile(r"@|%(?:25)*40")
"""An address's sign, plain or encoded, however often."""
_EXTENSION = re.compile(r"[a-z0-9]+")
_FEED_QUERY = re.compile(r"(?:^|&)(?:feed|format|flav|type)=(?:rss|atom|rdf)", re.IGNORECASE)
_PAID_MEDIUM = re.compile(r"cp[acmv]|ppc|paid.*", re.IGNORECASE)
_REFERRER = re.compile(
    r"https?://(?:[^/?#@]*@)?([a-z0-9.-]+\.[a-z][a-z0-9-]+)(?:[:/?#]|$)", re.IGNORECASE
)
_IP = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*")
_WITH_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+):\d+|\[([0-9a-fA-F:.]+)\](?::\d+)?")
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))")


def parse(payload: bytes) -> Request:
    """One line's fields. Bytes that are not UTF-8 are replaced: header fields may hold any."""
    match = _LINE.match(payload.decode("utf-8", "replace"))
    if match is None:
        payload.decode()
        raise ParseError(Reason.SYNTAX, "$", "expected a line of the combined or common log format")
    return Request(*match.groups())


def fill(requests: list[Request], sheet: Sheet) -> None:
    """Columns of requests; what repeats (request lines, referrers, hosts) is read once a batch."""
    asked = [(r.line, r.status) for r in requests]
    known = {pair: _meaning(*pair) for pair in set(asked)}
    meanings = [known[pair] for pair in asked]
    paths = [m.path for m in meanings]
    sheet.put("kind", [m.kind for m in meanings])
    sheet.put("object_id", paths)
    sheet.put("content_id", paths)
    sheet.put("object_type", ["file" if m.kind == "download" else "page" for m in meanings])
    sheet.put("campaign_id", [m.campaign for m in meanings])
    sheet.put("media_type", ["paid" if m.paid else "owned" for m in meanings])
    sheet.put("is_sponsored", [m.paid or None for m in meanings])
    domains = {referrer: _domain(referrer) for referrer in {r.referrer for r in requests}}
    sheet.put("ext", [domains[r.referrer] for r in requests])
    times = [
        f"{t[7:11]}-{_MONTHS.get(t[3:6], '')}-{t[:2]}T{t[12:20]}{t[21:24]}:{t[24:]}"
        for t in [r.time for r in requests]
    ]
    sheet.put_instants("event_time", times, "time")
    _actors(requests, sheet)


def _actors(requests: list[Request], sheet: Sheet) -> None:
    users = [_unescape(r.user) if r.user.strip('-" ') else None for r in requests]
    known = {host: _client(host) for host in {r.host for r in requests}}
    clients = [known[r.host] for r in requests]
    agents = [None if a in (None, "-", "") else _unescape(a) for a in (r.agent for r in requests)]
    addresses = {client: _address(client) for client in set(clients)}
    sheet.put("raw_user_agent", agents)
    sheet.put("raw_ip", [addresses[client] for client in clients])
    sheet.put(
        "raw_actor",
        [
            f"user:{user}"
            if user
            else None
            if client == "-"
            else f"client:{client}|{'' if agent is None else agent}"
            for client, user, agent in zip(clients, users, agents)
        ],
    )
    sheet.put(
        "actor_basis",
        [
            "login" if user else "none" if client == "-" else "session"
            for client, user in zip(clients, users)
        ],
    )


def _meaning(line: str, status: str) -> _Meaning:
    method, _, rest = _unescape(line).partition(" ")
    target, protocol, _ = rest.rpartition(" HTTP/")
    path, _, query = (target if protocol else rest).partition("?")
    if path[:1] != "/":
        path = _ORIGIN.sub("", path, count=1) or "/"
    if ";" in path:
        path = _SESSION_PARAMETER.sub("", path)
    kind = _kind(method, status, path.lower(), query)
    if _AT.search(path):
        path = "/".join("redacted" if _AT.search(part) else part for part in path.split("/"))
    campaign, paid = None, False
    if "utm_" in query:
        tags = dict(parse_qsl(query.replace("&amp;", "&")))
        campaign = tags.get("utm_campaign")
        if campaign and "@" in campaign:
            campaign = "redacted"
        paid = _PAID_MEDIUM.fullmatch(tags.get("utm_medium", "")) is not None
    return _Meaning(kind, path, campaign, paid)


def _kind(method: str, status: str, path: str, query: str) -> str:
    """The status class first: nothing of a failed request was seen, whatever was asked for."""
    if status in ("-", "000"):
        return "unanswered"
    # A form that was taken is often answered by a redirect, lest it be sent twice (303, 15.4.4).
    taken = status[0] == "2" or status == "304" or (method == "POST" and status[0] == "3")
    if not taken:
        return _STATUS_CLASSES.get(status[0], "unknown status class")
    if method != "GET":
        return _METHODS.get(method, "unknown method")
    if status in ("204", "205"):
        return "no content"
    if status in ("206", "226"):
        return "part"
    name = path.rstrip("/").rpartition("/")[2]
    if name in _MACHINE_NAMES or path.startswith("/.well-known/"):
        return "machine file"
    if name in _FEED_NAMES or (query and _FEED_QUERY.search(query)):
        return "feed"
    extension = _EXTENSION.match(name.rpartition(".")[2]) if "." in name else None
    return _EXTENSIONS.get(extension[0], "page") if extension else "page"


def _domain(referrer: str | None) -> str | None:
    match = _REFERRER.match(referrer) if referrer else None
    return f'{{"referrer":"{match[1].lower()}"}}' if match else None


def _client(forwarded: str) -> str:
    """The first address that the proxies of a list knew, or the only one, without its port; `-`
    where they knew none."""
    named = [name.strip() for name in forwarded.split(",")]
    client = next((name for name in named if name not in ("", "-", "unknown")), "-")
    found = _WITH_PORT.fullmatch(client)
    return (found[1] or found[2]) if found else client


def _address(host: str) -> str | None:
    """The address, or null where the server logs names of hosts."""
    return host if _IP.fullmatch(host) else None


def _unescape(text: str) -> str:
    r"""Text with the servers' escapes undone: `\xhh` a byte, `\"` a quote, `\n` or `\t` a space."""
    if "\\" not in text:
        return text

    def plain(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes.fromhex(match[1].decode())
        return b" " if match[2] in b"nrtvbf" else match[2]

    return _ESCAPE.sub(plain, text.encode()).decode("utf-8", "replace")


def recognise(payload: bytes) -> bool:
    if payload[:1] in (b"{", b"["):
        return False
    return _LINE.match(payload.decode("utf-8", "replace")) is not None


CHANNEL = Channel(
    name="access_log",
    title="Web server access log (Apache, nginx)",
    document="Apache HTTP Server 2.4 Log Files; nginx ngx_http_log_module; RFC 9110; HTTP methods "
    "registered by IANA",
    media_type="owned",
    provenance="first_party",
    kinds=KINDS,
    parse=parse,
    fill=fill,
    recognise=recognise,
    kind_path="request",
    clock="server",
    format="log",
)
