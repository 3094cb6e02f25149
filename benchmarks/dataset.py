"""What a dataset of `moment measure` says of itself: does it balance, and is every event in it?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import duckdb

PERSON_PLACES = """
SELECT count(*) FROM (
    SELECT DISTINCT actor_id, content_id, brand_id, channel, ivt_class IN ('valid', 'unknown'),
           date_trunc('hour', event_time)
    FROM events WHERE actor_id IS NOT NULL
)"""
"""Person-hours as state holds them: a row a person, place, traffic and hour. (The zone of the
benchmarks is whole hours from UTC.)"""

PERSON_HOURS = """
SELECT count(*) FROM (
    SELECT DISTINCT actor_id, date_trunc('hour', event_time)
    FROM events WHERE actor_id IS NOT NULL
)"""

COUNTED = """
SELECT coalesce(sum(numerator), 0)::BIGINT FROM metrics_latest
WHERE metric = 'events' AND grouping_set = 'total' AND window_kind = 'day' AND traffic = 'gross'"""


def described(dataset: Path) -> dict[str, Any]:
    """Rows of `events`, events `counted` by the day's totals, people, the balance, `balanced`."""
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")

        def number(query: str) -> int:
            return connection.execute(query).fetchall()[0][0]

        sums = {
            name: number(f"SELECT coalesce(sum({name}), 0)::BIGINT FROM balance")
            for name in ("received", "decoded", "events", "accepted")
        }
        return {
            "rows": number("SELECT count(*) FROM events"),
            "counted": number(COUNTED),
            "person_places": number(PERSON_PLACES),
            "person_hours": number(PERSON_HOURS),
            "balance": sums,
            "balanced": number("SELECT count(*) FROM balance WHERE NOT balanced") == 0,
        }


def faults(description: dict[str, Any], events: int) -> list[str]:
    """Where a dataset does not hold exactly so many events, each once; in words."""
    found = {
        "rows of events": description["rows"],
        "events in the totals": description["counted"],
        **{f"{name} in the balance": n for name, n in description["balance"].items()},
    }
    wrong = [f"expected {events:,} {name}, found {n:,}" for name, n in found.items() if n != events]
    return wrong if description["balanced"] else [*wrong, "the balance does not close"]


def main(arguments: list[str] | None = None) -> None:
    """`python -m benchmarks.dataset DATASET`: prints one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dataset", description=__doc__)
    parser.add_argument("dataset", type=Path, help="dataset of `moment measure`")
    print(json.dumps(described(parser.parse_args(arguments).dataset)))


if __name__ == "__main__":
    main()
