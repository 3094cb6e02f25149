"""`moment measure`, file to file: a simulated live with every fault, and the truth about it.

20:30          20:54   20:59         21:30                    22:52   Paris, 14 March 2026
[ the show ─── [ burst ) ─────────── )  [ survey answers ────── )
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.measure import Measured
from pipelines.simulator import BRAND, CONTENT, Options, Simulation, simulate, write
from schemas.balance import OUTCOMES
from schemas.day_partial import DAY_PARTIAL_KEY
from schemas.metric import KEY
from tests.conftest import KEY as SECRET

SHOW = Options(seed=7, people=300, minutes=60)


@dataclass(frozen=True)
class Live:
    """The native files of a show, what is true of it, and its dataset."""

    simulation: Simulation
    files: list[Path]
    dataset: Path
    measured: Measured

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return query(self.dataset, sql)

    def day(self, metric: str, channel: str | None = None, **dimensions: str) -> dict[str, Any]:
        """The live's figure of the day, valid traffic unless `dimensions` say otherwise."""
        wanted = {"traffic": "valid", "content_id": CONTENT} | dimensions
        where = " AND ".join(f"{name} = '{value}'" for name, value in wanted.items())
        grouping = "content" if channel is None else "content_channel"
        where += "" if channel is None else f" AND channel = '{channel}'"
        columns = "value, numerator, denominator, n, suppressed_reason"
        (row,) = self.rows(
            f"SELECT {columns} FROM metrics_latest WHERE metric = '{metric}'"
            f" AND window_kind = 'day' AND grouping_set = '{grouping}' AND {where}"
        )
        return dict(zip(columns.split(", "), row))


def query(dataset: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


_ORDER = {
    "events": ("event_id", "collected_time", "event_time"),
    "metrics": KEY,
    "failed_events": ("failure_id",),
    "balance": ("input", "arrival_hour", "channel"),
    "partials": ("local_day", *DAY_PARTIAL_KEY),
}


def table(dataset: Path, name: str, without: tuple[str, ...] = ()) -> pa.Table:
    """A table of the dataset in a definite order of rows."""
    files = sorted((dataset / name).rglob("*.parquet"))
    whole = pa.concat_tables(pq.read_table(file, partitioning=None) for file in files)
    whole = whole.sort_by([(column, "ascending") for column in _ORDER[name]])
    return whole.select([c for c in whole.column_names if c not in without]).combine_chunks()


def partials(dataset: Path) -> pa.Table:
    """What rolls up, sketches byte by byte."""
    return table(dataset, "partials", without=("published_time",))


def metrics(dataset: Path) -> pa.Table:
    return table(dataset, "metrics", without=("published_time",))


def contents(directory: Path) -> dict[str, str]:
    """Digest of every file below a directory."""
    return {
        str(path.relative_to(directory)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Live:
    """300 viewers, an hour, all kinds of faults."""
    folder = tmp_path_factory.mktemp("live")
    simulation = simulate(SHOW)
    files = [p for p in write(simulation, folder / "native") if p.name != "truth.json"]
    done = measured(files, folder / "dataset", "--brand", BRAND)
    return Live(simulation, files, folder / "dataset", done)


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Live:
    """The same show without duplicates, malformed or unknown records."""
    folder = tmp_path_factory.mktemp("sound")
    simulation = simulate(replace(SHOW, duplicate_share=0, malformed_share=0, unknown_share=0))
    files = [p for p in write(simulation, folder / "native") if p.name != "truth.json"]
    done = measured(files, folder / "dataset", "--brand", BRAND)
    return Live(simulation, files, folder / "dataset", done)


def _balance(live: Live) -> dict[str, dict[str, int]]:
    """Outcomes by channel."""
    sums = ", ".join(f"sum({name})::BIGINT" for name in OUTCOMES)
    rows = live.rows(f"SELECT channel, {sums} FROM balance GROUP BY channel")
    return {channel: dict(zip(OUTCOMES, counts)) for channel, *counts in rows}


# ── nothing lost ────────────────────────────────────────────────────────────────────────────────


def test_the_balance_closes_for_every_file_hour_and_channel(live):
    assert live.measured.unbalanced == []
    assert live.rows("SELECT count(*) FROM balance WHERE NOT balanced") == [(0,)]
    assert live.rows("SELECT count(DISTINCT input) FROM balance") == [(9,)]


def test_every_record_of_every_channel_is_received(live):
    assert {c: b["received"] for c, b in _balance(live).items()} == live.simulation.truth.records


def test_exactly_the_malformed_and_unknown_records_fail(live):
    truth = live.simulation.truth
    expected = {c: truth.malformed[c] + truth.unknown_kinds[c] for c in truth.records}

    assert {c: b["failed"] for c, b in _balance(live).items()} == expected
    assert dict(live.rows("SELECT channel, count(*) FROM failed_events GROUP BY 1")) == expected


def test_unknown_kinds_are_told_from_malformed_records(live):
    found = live.rows(
        "SELECT channel, count(*) FROM failed_events WHERE reason='unknown_kind' GROUP BY 1"
    )
    # An access log has no kinds that a vendor could add; the social export neither.
    expected = {c: n for c, n in live.simulation.truth.unknown_kinds.items() if n}

    assert dict(found) == expected


def test_the_failed_payloads_are_the_records_themselves(live):
    given = Counter(line for lines in live.simulation.records.values() for line in lines)
    failed = Counter(payload for (payload,) in live.rows("SELECT payload FROM failed_events"))

    assert failed - given == Counter()


def test_exact_duplicates_are_found_exactly(live, sound):
    # A copy of a withheld event is withheld, one of an ignored event ignored: both doors are before.
    with_copies, without = _balance(live), _balance(sound)
    events_a_record = {"survey": 4}
    found = {
        channel: sum(
            with_copies[channel][door] - without[channel][door]
            for door in ("duplicate", "withheld", "ignored")
        )
        // events_a_record.get(channel, 1)
        for channel in with_copies
    }

    assert {b["duplicate"] for b in without.values()} == {0}
    assert found == live.simulation.truth.exact_duplicates


def test_what_people_refused_is_withheld_exactly_and_written_nowhere(live, sound):
    withheld = {c: b["withheld"] for c, b in _balance(sound).items() if b["withheld"]}
    truth = live.simulation.truth.withheld_records

    # Four answers a response; the refusal told to the app is withheld like what it refuses.
    assert withheld == {
        "segment": truth["segment"],
        "survey": 4 * truth["survey"],
        "cloudevents": 1,
    }
    assert live.rows("SELECT count(*) FROM events WHERE consent_basis = 'denied'") == [(0,)]


def test_faults_of_transport_change_no_figure(live, sound):
    assert metrics(live.dataset).equals(metrics(sound.dataset))


# ── figures are true ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("traffic", ["gross", "valid"])
def test_reach_of_the_live_is_true_per_channel_and_in_total(live, traffic):
    truth = getattr(live.simulation.truth, f"reach_{traffic}")
    total = live.day("reach", traffic=traffic)["value"]
    found = {c: live.day("reach", c, traffic=traffic)["value"] for c in truth if c != "total"}

    assert {**found, "total": total} == truth
    assert total < sum(found.values())


@pytest.mark.parametrize(
    ("traffic", "truth"),
    [("gross", "viewers_by_minute_gross"), ("valid", "viewers_by_minute")],
)
def test_viewers_of_every_minute_are_true(live, traffic, truth):
    flags = "TRUE" if traffic == "gross" else "ivt_class IN ('valid', 'unknown')"
    found = live.rows(
        "SELECT count(DISTINCT actor_id) FROM events_latest"
        f" WHERE action = 'heartbeat' AND content_id = '{CONTENT}' AND {flags}"
        " GROUP BY date_trunc('minute', event_time) ORDER BY date_trunc('minute', event_time)"
    )

    assert [count for (count,) in found] == getattr(live.simulation.truth, truth)


def test_concurrent_viewers_are_those_heard_within_two_periods_of_each_minutes_end(live):
    found = live.rows(
        "WITH minutes AS (SELECT window_end, value FROM metrics_latest WHERE content_id ="
        f" '{CONTENT}' AND metric = 'concurrent_viewers' AND window_kind = 'minute'"
        " AND grouping_set = 'content' AND traffic = 'valid' AND value IS NOT NULL),"
        " beats AS (SELECT actor_id, event_time, heartbeat_ms FROM events_latest"
        f" WHERE action = 'heartbeat' AND content_id = '{CONTENT}'"
        " AND ivt_class IN ('valid', 'unknown'))"
        " SELECT value, count(DISTINCT actor_id) FROM minutes JOIN beats"
        " ON event_time < window_end"
        " AND event_time > window_end - to_milliseconds(2 * heartbeat_ms)"
        " GROUP BY window_end, value ORDER BY window_end"
    )

    assert [value for value, _ in found] == [count for _, count in found]
    assert len(found) >= 58


def test_time_watched_is_true(live):
    truth = live.simulation.truth

    assert (
        live.day("average_minute_audience", traffic="gross")["numerator"] == truth.watched_ms_gross
    )
    assert live.day("average_minute_audience")["numerator"] == truth.watched_ms
    assert live.day("average_minute_audience")["denominator"] == 60 * 60_000


def test_likes_left_standing_are_true(live):
    assert live.day("comments_per_like")["denominator"] == live.simulation.truth.likes


def test_comments_left_standing_in_the_app_are_true(live):
    found = live.day("comments_per_like", "cloudevents")["numerator"]

    assert found == live.simulation.truth.comments_standing["cloudevents"]


def test_comments_left_standing_everywhere_are_true(live):
    found = live.day("comments_per_like")["numerator"]

    assert found == live.simulation.truth.comments_standing["total"]


def test_votes_left_standing_are_true(live):
    found = live.rows(
        "SELECT DISTINCT numerator FROM metrics_latest WHERE metric = 'interaction_mix'"
        " AND item = 'vote' AND window_kind = 'day' AND grouping_set = 'total' AND traffic = 'valid'"
    )

    assert found == [(sum(live.simulation.truth.votes_standing.values()),)]


def test_satisfaction_counts_the_last_answer_of_each_respondent(live):
    truth = live.simulation.truth
    csat, nps, ces = (
        {int(answer): count for answer, count in counts.items()}
        for counts in (truth.csat, truth.nps, truth.ces)
    )
    respondents = sum(csat.values())
    found = {name: live.day(name, item=name) for name in ("csat", "nps", "ces")}

    assert found["csat"]["numerator"] == csat[4] + csat[5] == truth.satisfied_people
    assert found["nps"]["numerator"] == nps[9] + nps[10] - sum(nps[i] for i in range(7))
    assert found["ces"]["numerator"] == ces[5] + ces[6] + ces[7]
    assert {f["denominator"] for f in found.values()} == {respondents}
    assert {f["n"] for f in found.values()} == {respondents}


def test_bored_and_satisfied_people_are_counted_by_person_across_channels(live):
    truth = live.simulation.truth
    joint = live.day("bored_among_satisfied")

    assert live.day("bored_share")["numerator"] == truth.bored_people
    assert live.day("bored_share")["denominator"] == truth.reach_valid["total"]
    assert joint["denominator"] == truth.satisfied_people
    assert joint["numerator"] == truth.satisfied_and_bored_people
    # Some of the bored said so in the app and were satisfied in the survey: one channel is too few.
    assert live.day("bored_among_satisfied", "survey")["numerator"] < joint["numerator"]


# ── nothing invented ────────────────────────────────────────────────────────────────────────────


def test_every_row_says_how_sure_it_is_and_has_a_value_or_the_reason_why_not(live):
    violations = live.rows(
        "SELECT * FROM metrics WHERE uncertainty_kind NOT IN"
        " ('sampling', 'bounds', 'census', 'unmeasurable') OR n IS NULL OR n < 0"
        " OR coverage IS NULL OR coverage NOT BETWEEN 0 AND 1"
        " OR (value IS NULL) = (suppressed_reason IS NULL) OR NOT isfinite(coalesce(value, 0))"
        " OR (value IS NULL AND (numerator IS NOT NULL OR denominator IS NOT NULL"
        " OR interval_low IS NOT NULL OR interval_high IS NOT NULL OR n <> 0))"
        " OR (value IS NOT NULL AND uncertainty_kind = 'unmeasurable')"
        " OR value NOT BETWEEN interval_low AND interval_high"
    )

    assert violations == []


def test_figures_on_fewer_than_ten_people_and_rates_on_fewer_than_thirty_are_not_published(live):
    least = dict(
        live.rows(
            "SELECT value_kind, min(n) FROM metrics"
            " WHERE value IS NOT NULL AND metric <> 'events' GROUP BY 1"
        )
    )

    assert least["count"] >= 10
    assert least["mean"] >= 10
    assert {kind for kind, n in least.items() if n >= 30} == {"proportion", "ratio", "score"}


def test_a_minute_with_nine_people_is_suppressed_and_says_so(live):
    people = dict(
        live.rows(
            "SELECT date_trunc('minute', event_time), count(DISTINCT actor_id) FROM events_latest"
            " WHERE channel = 'access_log' GROUP BY 1"
        )
    )
    rows = live.rows(
        "SELECT window_start, value, suppressed_reason FROM metrics_latest"
        " WHERE metric = 'reach' AND grouping_set = 'channel' AND channel = 'access_log'"
        " AND window_kind = 'minute' AND traffic = 'gross'"
    )
    few = {start: (value, reason) for start, value, reason in rows if people.get(start, 0) < 10}

    assert set(few.values()) == {(None, "fewer_than_10")}
    assert len(few) > 20
    assert [value for start, value, reason in rows if people[start] >= 10 and reason is None]


def test_one_hidden_channel_does_not_show_by_subtraction(live):
    exposed = live.rows(
        "SELECT content_id, traffic, window_kind, window_start FROM metrics_latest"
        " WHERE metric = 'reach' AND grouping_set = 'content_channel' GROUP BY ALL"
        " HAVING count(*) FILTER (suppressed_reason IS NOT NULL) = 1 AND count(*) > 1"
    )

    assert exposed == []
    assert live.rows(
        "SELECT count(*) > 0 FROM metrics_latest WHERE suppressed_reason = 'complementary'"
    ) == [(True,)]


def test_a_silent_registered_channel_has_rows_of_zero_and_no_coverage(live, measured, tmp_path):
    heard = [f for f in live.files if f.name == "survey.ndjson"]
    measured(heard, tmp_path / "out", "--channels", "survey,mailjet,youtube_chat")
    rows = query(
        tmp_path / "out",
        "SELECT channel, window_kind, value, coverage, suppressed_reason, count(*) > 0"
        " FROM metrics_latest WHERE metric = 'events' AND grouping_set = 'channel'"
        " AND channel <> 'survey' AND traffic = 'valid' GROUP BY ALL ORDER BY ALL",
    )

    assert rows == [
        (channel, window, 0.0, 0.0, None, True)
        for channel in ("mailjet", "youtube_chat")
        for window in ("day", "hour", "minute")
    ]


# ── nothing twice ───────────────────────────────────────────────────────────────────────────────


def test_the_latest_views_have_one_row_an_event_and_one_a_figure(live):
    key = ", ".join(KEY)
    ((events, ids, latest),) = live.rows(
        "SELECT (SELECT count(*) FROM events), count(DISTINCT event_id), count(*) FROM events_latest"
    )
    twice = live.rows(f"SELECT {key} FROM metrics_latest GROUP BY ALL HAVING count(*) > 1")

    assert ids == latest == live.measured.balance["accepted"]
    assert events == latest + live.measured.balance["duplicate"]
    assert twice == []


def test_running_again_gives_identical_tables(live, measured, tmp_path):
    first = {
        name: table(live.dataset, name, without=("published_time", "failed_time"))
        for name in _ORDER
    }
    again = tmp_path / "dataset"
    measured(live.files[:1], again, "--brand", BRAND)
    measured(live.files, again, "--brand", BRAND, "--replace")

    for name in _ORDER:
        assert table(again, name, without=("published_time", "failed_time")).equals(first[name])


def test_the_order_and_the_names_of_the_files_and_of_their_lines_change_no_figure(
    live, measured, tmp_path
):
    for number, name in enumerate(live.simulation.records):
        lines = live.simulation.records[name][::-1]
        (tmp_path / f"{9 - number}.{'log' if name == 'access_log' else 'ndjson'}").write_bytes(
            b"\n".join(lines) + b"\n"
        )
    measured(sorted(tmp_path.iterdir()), tmp_path / "out", "--brand", BRAND)

    assert metrics(tmp_path / "out").equals(metrics(live.dataset))


def test_one_file_cut_into_five_changes_no_figure(live, measured, tmp_path):
    lines = live.simulation.records["segment"]
    for part in range(5):
        (tmp_path / f"segment-{part}.ndjson").write_bytes(b"\n".join(lines[part::5]) + b"\n")
    others = [f for f in live.files if f.name != "segment.ndjson"]
    measured([*sorted(tmp_path.iterdir()), *others], tmp_path / "out", "--brand", BRAND)

    assert metrics(tmp_path / "out").equals(metrics(live.dataset))
    assert partials(tmp_path / "out").equals(partials(live.dataset))


def test_one_shard_and_sixteen_give_equal_figures(live, measured, tmp_path):
    measured(live.files, tmp_path / "out", "--brand", BRAND, "--shards", "1")

    assert metrics(tmp_path / "out").equals(metrics(live.dataset))
    assert partials(tmp_path / "out").equals(partials(live.dataset))


# ── nothing half done, nothing exposed ──────────────────────────────────────────────────────────


def test_nothing_is_left_of_staging_and_failed_payloads_are_the_owners_alone(live):
    assert {path.name for path in live.dataset.iterdir()} == {*_ORDER, "run.json", "moment.duckdb"}
    assert [
        p for p in live.dataset.rglob("*") if p.name.startswith(".") or p.suffix == ".tmp"
    ] == []
    assert (live.dataset / "failed_events").stat().st_mode & 0o777 == 0o700


def test_the_record_of_the_run_says_what_was_done_and_holds_no_key(live):
    record = json.loads((live.dataset / "run.json").read_text())

    assert record["balance"] == live.measured.balance
    assert record["balanced"] is True
    assert record["metrics"] == live.rows("SELECT count(*) FROM metrics")[0][0]
    assert record["time_zone"] == "Europe/Paris"
    assert SECRET not in json.dumps(record)


@pytest.mark.parametrize("table_name", ["events", "metrics"])
def test_a_run_that_dies_midway_leaves_the_old_dataset_as_it_was(
    live, measured, tmp_path, monkeypatch, table_name
):
    survey = [f for f in live.files if f.name == "survey.ndjson"]
    measured(survey, tmp_path / "out")
    before = contents(tmp_path / "out")
    commit = _commit_until(table_name)
    monkeypatch.setattr("pipelines.sinks.parquet.DayFile.commit", commit)
    with pytest.raises(RuntimeError, match="No space left on device"):
        measured(live.files[1:], tmp_path / "out", "--replace")

    assert contents(tmp_path / "out") == before


def test_a_first_run_that_dies_leaves_no_dataset(live, measured, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.sinks.parquet.DayFile.commit", _commit_until("metrics"))
    survey = [f for f in live.files if f.name == "survey.ndjson"]
    with pytest.raises(RuntimeError, match="No space left on device"):
        measured(survey, tmp_path / "out")

    assert contents(tmp_path / "out") == {}


def _commit_until(table_name: str) -> Callable[[Any], None]:
    """The sink's commit on a disk that is full once it comes to a table."""
    from pipelines.sinks.parquet import DayFile

    whole = DayFile.commit

    def commit(self: Any) -> None:
        if f"/{table_name}/" in str(self._final):
            raise OSError(28, "No space left on device")
        whole(self)

    return commit


# ── the scanner: no raw identifier in anything written ──────────────────────────────────────────

_IDENTIFYING = {
    "segment": {"userId", "anonymousId", "ip"},
    "youtube_chat": {"authorChannelId", "channelId", "channelUrl", "displayName"},
    "social_listening": {"name"},
    "mailjet": {"email", "mj_contact_id", "ip"},
    "iterable": {"email", "userId", "ip", "toPhoneNumber", "browserToken"},
    "customerio": {"customer_id", "email_address", "recipient"},
    "survey": {"user_id", "anonymous_id", "email"},
    "cloudevents": {"user_id", "panelist_id", "visitor_id"},
}
"""Fields of each channel's JSON whose values identify somebody, or a message box of theirs."""


def _identifiers(records: dict[str, list[bytes]]) -> set[str]:
    """Every identifier in native records, found by field name and not by decoding."""
    found = {line.split(b" ", 1)[0].decode() for line in records["access_log"]}
    for channel, fields in _IDENTIFYING.items():
        for line in records[channel]:
            with suppress(ValueError):  # malformed on purpose
                found.update(_values(json.loads(line), fields))
    return found


def _values(document: Any, fields: set[str]) -> Iterator[str]:
    if isinstance(document, list):
        for value in document:
            yield from _values(value, fields)
    elif isinstance(document, dict):
        for name, value in document.items():
            if isinstance(value, (dict, list)):
                yield from _values(value, fields)
            elif name in fields and value is not None:
                yield str(value)


def leaks(dataset: Path, identifiers: set[str]) -> dict[str, set[str]]:
    """Identifiers by the place where they are written, in any case, with @ escaped or not.

    Texts and bytes are searched for them, other values compared. Only the payloads of failed
    events, which are restricted and expire, are left out.
    """
    needles = {identifier.lower().encode() for identifier in identifiers}
    needles |= {n.replace(b"@", b"%40") for n in needles} | {
        n.replace(b"%40", b"@") for n in needles
    }
    found: dict[str, set[str]] = {}
    for path in sorted(p for p in dataset.rglob("*") if p.is_file() and p.suffix != ".parquet"):
        content = path.read_bytes().lower()
        found[path.name] = {n.decode() for n in needles if n in content}
    for place, values in _columns(dataset).items():
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            content = "\0".join(values.drop_null().to_pylist()).lower().encode()
            hits = {n for n in needles if n in content}
        elif pa.types.is_binary(values.type) or pa.types.is_fixed_size_binary(values.type):
            content = b"\0".join(values.drop_null().to_pylist())
            hits = {n for n in needles if n in content}
        else:
            hits = needles & {str(value).encode() for value in values.to_pylist()}
        found[place] = {n.decode() for n in hits}
    return {place: hits for place, hits in found.items() if hits}


def _columns(dataset: Path) -> dict[str, pa.Array]:
    """Distinct values of every column of every table, decoded."""
    chunks: dict[str, list[pa.Array]] = {}
    for path in sorted(dataset.rglob("*.parquet")):
        read = pq.read_table(path, partitioning=None)
        for name in read.column_names:
            place = f"{path.relative_to(dataset).parts[0]}.{name}"
            chunks.setdefault(place, []).extend(read[name].chunks)
    chunks.pop("failed_events.payload", None)
    return {place: pa.chunked_array(parts).unique() for place, parts in chunks.items()}


def test_no_identifier_of_the_simulation_is_written_anywhere(live):
    identifiers = _identifiers(live.simulation.records)

    assert leaks(live.dataset, identifiers) == {}
    assert len(identifiers) > 1_500


def test_the_scanner_sees_what_is_there_to_see(live, tmp_path):
    # One identifier of each sort; a table of the records as they came has them all.
    shown = {"m100000", "contact8@example.com", "198.18.0.5", "P10000", "@spectateur0", "v000001"}
    lines = [line.decode() for lines in live.simulation.records.values() for line in lines]
    (tmp_path / "events").mkdir()
    (tmp_path / "failed_events").mkdir()
    pq.write_table(pa.table({"payload": lines}), tmp_path / "failed_events" / "part.parquet")
    pq.write_table(
        pa.table({"text": lines, "n": [399000008] * len(lines)}),
        tmp_path / "events" / "part.parquet",
    )
    (tmp_path / "run.json").write_text('{"inputs": ["/home/M100000/live.ndjson"]}')

    assert {*shown, "399000008"} <= _identifiers(live.simulation.records)
    assert leaks(tmp_path, {*shown, "399000008"}) == {
        "run.json": {"m100000"},
        "events.text": {s.lower() for s in shown} | {"399000008"},
        "events.n": {"399000008"},
    }


_FIXTURE_IDENTIFIERS = {
    "access_log": {
        "203.0.113.7", "203.0.113.8", "2001:db8::17", "marie [", "jane%40example.com",
        "198.51.100.4",
    },
    "cloudevents": {"beacon-81f2", "beacon-90aa", "P-1042", "H-77", "u-7", "u-9"},
    "customerio": {
        "anna@example.com", "ben@example.com", "dora@example.com", "c-1042", "cio-77",
        "+33600000001", "+33 6 00 00 00 09", "33600000001", "#signups", "invented-device-token",
        "hooks.example.com",
    },
    "iterable": {
        "5e2b8d@placeholder.email", "cross@example.com", "gone@example.com", "scan@example.com",
        "c59001:t81001", "u-17", "+33700000000", "192.0.2.20", "192.0.2.99", "198.51.100.32",
        "invented-browser-token", "7c4a8d09-ca37-4e0a-9f1e-0c5a2f7b1d33",
    },
    "mailjet": {
        "emil@example.com", "fred@example.com", "old@example.com", "slow@example.com",
        "192.0.2.10", "192.0.2.11", "192.0.2.12", "198.51.100.31", "2001:db8::7",
    },
    "segment": {
        "3f6a1c2e-8d1b-4a55-9c57-0000000000aa", "u-100", "4242", "1772451600", "play-7",
        "amie@example.com",
    },
    "social_listening": {"MarieExample", "lucie_example", "omar_example", "paul_example"},
    "survey": {"marie@example.com", "cookie-5"},
    "youtube_chat": {
        "UCviewer", "UCmomentOwner", "Camille", "Spectateur", "Moment TV", "alert('nom')",
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def fixtures_dataset(
    tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]
) -> Path:
    output = tmp_path_factory.mktemp("fixtures") / "dataset"
    done = measured([Path(__file__).parent.parent / "fixtures"], output)
    assert done.balance["failed"] == 0
    return output


@pytest.mark.parametrize("channel", list(_FIXTURE_IDENTIFIERS))
def test_no_identifier_of_a_channels_fixture_is_written_anywhere(fixtures_dataset, channel):
    identifiers = _FIXTURE_IDENTIFIERS[channel]
    (fixture,) = (Path(__file__).parent.parent / "fixtures").glob(f"{channel}.*")
    native = fixture.read_text("latin-1").lower()

    assert {i for i in identifiers if i.lower() not in native} == set()
    assert leaks(fixtures_dataset, identifiers) == {}
