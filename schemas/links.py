"""Links as they may be kept: where they lead, without what they tell of who followed them."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

ADDRESS = r"[^/\s@](?:@|%(?:25)*40)[^/\s@]+(?:\.|%2[Ee])[^/\s@.]{2,}"
_INTERNATIONAL = r"(?:\+|%2[Bb])[1-9](?:[ .\-]?\d){9,14}\b"
_COLON, _WORD = r"(?::|%3[Aa])", "[0-9A-Fa-f]{1,4}"
_IP = (
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
    # IPv6 begins like this, of the world (RFC 4291, 2.4), of a site or of a link.
    rf"\b(?:[23][0-9A-Fa-f]{{3}}|[Ff][C-Ec-e][0-9A-Fa-f]{{2}})(?:(?:{_COLON}{_WORD}){{7}}"
    rf"|(?:{_COLON}{_WORD}){{0,5}}{_COLON}(?:{_COLON}{_WORD}){{1,6}})\b",
)
PERSONAL_PART = rf"[^/]*(?:{ADDRESS}|{_INTERNATIONAL}|{'|'.join(_IP)})[^/]*"
"""The part of a path, or the whole label, that holds a mail address (also with its @ escaped, twice
if need be), an international telephone number or an IP address. National numbers and handles
stay: as labels they are products, books and channels, and several would become one."""
REPLACEMENT = "redacted"

_PERSONAL_PART = re.compile(PERSONAL_PART)
_LINK = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^/?#]*@)?([^/?#@]*)([^?#]*)", re.IGNORECASE)


def bare_link(url: Any) -> str | None:
    """Scheme, host and path of a link; null for anything else.

    Query and fragment are personal, and so is a path that holds an address, and each part of one
    that holds an address escaped twice, an international number or an IP address.
    """
    found = _LINK.match(url) if isinstance(url, str) else None
    if found is None:
        return None
    scheme, host, path = found.groups()
    if "@" in path or "%40" in path:
        return f"{scheme}{host}"
    return f"{scheme}{host}{_PERSONAL_PART.sub(REPLACEMENT, path)}"


def bare_paths(paths: pa.Array) -> pa.Array:
    """A string column of paths without their queries and fragments, which are personal.

    The fragment of a page that routes by it (`#/account`, `#!/account`) is its path.
    """
    if not pc.any(pc.match_substring_regex(paths, "[?#]")).as_py():
        return paths
    return pc.replace_substring_regex(paths, pattern=r"(?s)\?.*|#(?:[^/!].*)?$", replacement="")
