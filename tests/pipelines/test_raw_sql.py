"""Figures beside plain SQL over the raw files: copies, retractions, refusals, bots and ratings.

The SQL shares no code with Moment. `benchmarks/oracle.py` does the same for clean Segment tracks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from pipelines.measure import Measured
from tests.pipelines.dataset import query

ARRIVED = datetime(2026, 3, 2, 18, 0, tzinfo=timezone.utc).timestamp()
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def responses() -> list[dict]:
    """Of 90 people: each seventh refuses, each fifth takes it back, each third is sent twice."""
    sent = []
    for number in range(90):
        response = {
            "response_id": f"r-{number}",
            "survey_id": "after",
            "status": "completed",
            "submitted_at": f"2026-03-02T10:{number % 60:02}:00Z",
            "respondent": {"user_id": f"u{number}"},
            "consent": {"analytics": number % 7 != 0},
            "content_id": "live",
            "answers": [
                {"question_id": "recommend", "type": "nps", "value": number % 11},
                {"question_id": "satisfied", "type": "csat", "value": number % 5 + 1},
            ],
        }
        taken_back = response | {"status": "retracted", "submitted_at": "2026-03-02T12:00:00Z"}
        sent += [response] * (2 if number % 3 == 0 else 1)
        sent += [taken_back] * (number % 5 == 0)
    return sent


def requests() -> list[str]:
    """Of 50 addresses, each fourth a crawler: one to three pages, the first of them twice."""
    return [
        f"192.0.2.{address} - - [02/Mar/2026:11:{minute:02}:00 +0000]"
        f' "GET /live HTTP/1.1" 200 900 "-" "{CRAWLER if address % 4 == 0 else BROWSER}"'
        for address in range(50)
        for minute in (0, *range(address % 3 + 1))
    ]


class Files:
    def __init__(self, folder: Path) -> None:
        self.survey, self.log = folder / "survey.ndjson", folder / "web.log"
        self.dataset = folder / "figures"
        self.survey.write_text("".join(json.dumps(each) + "\n" for each in responses()))
        self.log.write_text("".join(f"{line}\n" for line in requests()))
        for file in (self.survey, self.log):
            os.utime(file, (ARRIVED, ARRIVED))

    def raw(self, select: str) -> list[tuple]:
        """Rows of a select over `answers` and `requests`, made of the files' text alone."""
        connection = duckdb.connect()
        connection.execute(f"""
        CREATE VIEW answers AS
        SELECT response_id, status, consent.analytics AS allowed, answer.type AS type,
          answer.value::INT AS value
        FROM (SELECT *, unnest(answers) AS answer FROM read_json('{self.survey}'));
        CREATE VIEW requests AS
        SELECT line, line LIKE '%Googlebot%' AS bot, split_part(line, ' ', 1) AS address
        FROM (SELECT unnest(string_split(trim(content, chr(10)), chr(10))) AS line
              FROM read_text('{self.log}'));
        CREATE VIEW standing AS
        SELECT DISTINCT response_id, type, value FROM answers WHERE allowed
          AND response_id NOT IN (SELECT response_id FROM answers WHERE status = 'retracted')""")
        return connection.execute(select).fetchall()

    def day(self, metric: str, traffic: str = "valid", channel: str | None = None) -> tuple:
        """Numerator, denominator and value of the day."""
        grouping = "total" if channel is None else "channel"
        (row,) = query(
            self.dataset,
            f"SELECT numerator, denominator, value FROM metrics_latest WHERE metric = '{metric}'"
            f" AND window_kind = 'day' AND traffic = '{traffic}' AND grouping_set = '{grouping}'"
            + (f" AND channel = '{channel}'" if channel else ""),
        )
        return row


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Files:
    made = Files(tmp_path_factory.mktemp("raw"))
    inputs = [f"survey={made.survey}", f"access_log={made.log}"]
    measured(inputs, made.dataset, "--channels", "survey,access_log", "--time-zone", "UTC")
    return made


def test_what_became_of_answers_is_what_sql_counts(files: Files) -> None:
    expected = files.raw("""
        SELECT count(*), count(*) FILTER (NOT allowed),
          count(DISTINCT (response_id, status, type)) FILTER (allowed) FROM answers""")
    found = query(
        files.dataset,
        "SELECT sum(events)::INT, sum(withheld)::INT, sum(accepted)::INT FROM balance_latest"
        " WHERE channel = 'survey'",
    )

    assert found == expected
    assert all(count > 0 for count in expected[0])


def test_what_became_of_requests_is_what_sql_counts(files: Files) -> None:
    expected = files.raw(
        "SELECT count(DISTINCT line), count(*) - count(DISTINCT line) FROM requests"
    )
    found = query(
        files.dataset,
        "SELECT sum(accepted)::INT, sum(duplicate)::INT FROM balance_latest"
        " WHERE channel = 'access_log'",
    )

    assert found == expected
    assert all(count > 0 for count in expected[0])


@pytest.mark.parametrize(("traffic", "counted"), [("gross", "true"), ("valid", "NOT bot")])
def test_reach_of_the_site_is_what_sql_counts_with_and_without_bots(
    files: Files, traffic: str, counted: str
) -> None:
    ((people, pages),) = files.raw(
        f"SELECT count(DISTINCT address), count(DISTINCT line) FROM requests WHERE {counted}"
    )

    assert files.day("reach", traffic, "access_log")[2] == people
    assert files.day("events", traffic, "access_log")[2] == pages


def test_ratings_are_what_sql_counts_of_answers_that_stand(files: Files) -> None:
    ((promoters, detractors, recommends),) = files.raw("""
        SELECT count(*) FILTER (value >= 9), count(*) FILTER (value <= 6), count(*)
        FROM standing WHERE type = 'nps'""")
    ((satisfied, answers),) = files.raw(
        "SELECT count(*) FILTER (value >= 4), count(*) FROM standing WHERE type = 'csat'"
    )

    assert files.day("nps")[2] == pytest.approx(100 * (promoters - detractors) / recommends)
    assert files.day("csat")[:2] == (satisfied, answers)
    assert 30 <= answers < 90
