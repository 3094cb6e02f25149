"""Links as they may be kept: where they lead, without what they tell of who followed them."""

from __future__ import annotations

import re
from typing import Any

_LINK = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^/?#]*@)?([^/?#@]*)([^?#]*)", re.IGNORECASE)


def bare_link(url: Any) -> str | None:
    """Scheme, host and path of a link; null for anything else.

    Query and fragment are personal, and so is a path that holds an address.
    """
    found = _LINK.match(url) if isinstance(url, str) else None
    if found is None:
        return None
    scheme, host, path = found.groups()
    return f"{scheme}{host}" + ("" if "@" in path or "%40" in path else path)
