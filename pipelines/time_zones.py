"""Is a civil time zone known to all who will compute with it, and is there a database of zones?"""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import OptionError


def is_time_zone(name: str) -> bool:
    """Is it a zone of the IANA database, as Python and Arrow have it?

    Python finds more, such as Factory and posix/Europe/Paris, which Arrow would refuse in the
    middle of a job. Raises OptionError where Arrow finds no zones at all: it takes them from the
    operating system alone, not from Python's package tzdata.
    """
    if not _in_arrow("UTC"):
        raise OptionError(
            "time zones: expected the operating system's database in /usr/share/zoneinfo, found"
            " none; install its package tzdata (apt-get, apk or dnf install tzdata)"
        )
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return _in_arrow(name)


def _in_arrow(name: str) -> bool:
    try:
        pc.cast(pa.scalar(0, pa.timestamp("us", name)), pa.date32())
    except pa.ArrowInvalid:
        return False
    return True
