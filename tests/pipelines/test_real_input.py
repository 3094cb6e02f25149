"""Real records nobody made for us: `moment measure` over all of them, and docs/real-input.md."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from pipelines.measure import Measured
from tests.pipelines.dataset import query
from tests.pipelines.leaks import leaks

ROOT = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get("MOMENT_SHARED_DATA") or ROOT.parent / "shared" / "data")
DOCUMENT = ROOT / "docs" / "real-input.md"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(),
    reason="no real input: expected it in ../shared/data, or where MOMENT_SHARED_DATA says",
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Measured:
    return measured([DATA], tmp_path_factory.mktemp("real") / "figures", "--time-zone", "UTC")


def test_every_payload_is_received_decoded_and_balanced(done):
    assert done.balance == {
        "received": 13_899,
        "decoded": 13_899,
        "failed": 0,
        "events": 13_899,
        "accepted": 6_958,
        "duplicate": 2,
        "withheld": 0,
        "ignored": 6_939,
        "late": 0,
    }
    assert done.unbalanced == []


def test_every_file_is_recognised_by_its_records(done):
    found = query(done.output, "SELECT channel, sum(received)::INT FROM balance GROUP BY 1")

    assert dict(found) == {
        "access_log": 10_000,
        "social_listening": 3_846,
        "iterable": 30,
        "customerio": 19,
        "mailjet": 4,
    }


def test_page_views_are_told_from_the_requests_and_bots_from_people(done):
    found = query(
        done.output,
        "SELECT ivt_class, count(*), count(DISTINCT actor_id) FROM events_latest"
        " WHERE event_type = 'access_log.page' GROUP BY 1",
    )

    assert {name: (views, agents) for name, views, agents in found} == {
        "valid": (1_808, 980),
        "givt": (1_159, 211),
        "unknown": (50, 17),
    }


def test_people_of_the_site_are_counted_with_and_without_automata(done):
    found = query(
        done.output,
        "SELECT local_day::VARCHAR, traffic, value FROM metrics_latest WHERE metric = 'reach'"
        " AND window_kind = 'day' AND grouping_set = 'channel' AND channel = 'access_log'",
    )

    assert {(day, traffic): value for day, traffic, value in found} == {
        ("2015-05-17", "gross"): 233,
        ("2015-05-17", "valid"): 167,
        ("2015-05-18", "gross"): 392,
        ("2015-05-18", "valid"): 297,
        ("2015-05-19", "gross"): 387,
        ("2015-05-19", "valid"): 320,
        ("2015-05-20", "gross"): 342,
        ("2015-05-20", "valid"): 280,
    }


def test_the_announcement_is_the_hour_in_which_the_posts_begin(done):
    hours = dict(
        query(
            done.output,
            "SELECT window_start, value FROM metrics_latest WHERE metric = 'events'"
            " AND window_kind = 'hour' AND grouping_set = 'channel' AND traffic = 'valid'"
            " AND channel = 'social_listening'",
        )
    )
    posts = [hours[datetime(2015, 1, 6, hour, tzinfo=timezone.utc)] for hour in range(16, 24)]

    #                16 h 17 h 18 h  19 h  20 h  21 h  22 h  23 h
    assert posts == [2.0, 4.0, 370.0, 499.0, 459.0, 382.0, 253.0, 165.0]
    assert max(hours.values()) == 499


def test_every_open_of_an_email_came_through_a_proxy_that_hides_its_reader(done):
    found = query(
        done.output,
        "SELECT event_type, ivt_class, ivt_reason FROM events_latest"
        " WHERE event_type IN ('mailjet.open', 'iterable.emailOpen', 'customerio.email: opened')"
        " ORDER BY 1",
    )

    assert found == [
        ("iterable.emailOpen", "unknown", "iterable.proxySource=Gmail"),
        ("mailjet.open", "unknown", "mail-proxy"),
    ]


def test_no_address_name_or_client_of_the_real_input_is_written_anywhere(done):
    log = (DATA / "web_access.log").read_text(errors="replace").splitlines()
    posts = (DATA / "social_listening.ndjson").read_text().splitlines()
    mails = "".join(path.read_text() for path in sorted(DATA.glob("*_events.ndjson")))
    identifiers = {line.split(" ", 1)[0] for line in log}
    identifiers |= {json.loads(post)["name"] for post in posts}
    identifiers |= set(re.findall(r"[\w.+-]+@[\w.-]+\w", mails))

    assert len(identifiers) > 5_000
    assert leaks(done.output, identifiers) == {}


def test_every_figure_of_the_page_is_what_its_query_prints(done):
    page = DOCUMENT.read_text()
    shown = re.findall(r"```sql\n(.+?);\n```\n\n(\|.+?)\n\n", page, re.S)
    for sql, expected in shown:
        assert _printed(done.output, sql) == expected

    assert len(shown) == page.count("```sql") == 7


def _printed(dataset: Path, sql: str) -> str:
    """The rows of a query as a Markdown table."""
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        result = connection.execute(sql)
        heads = [column[0] for column in result.description]
        rows = [["" if v is None else str(v) for v in row] for row in result.fetchall()]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def test_a_recomputation_is_identical(done, moment_verify):
    said = moment_verify(done.output, DATA)

    assert said.code == 0
    assert said.out.startswith(f"identical: {done.metrics:,} figures of ")
