"""Files that lie, and whole runs over bad input: the balance closes and the good rows stay."""

import csv
import gzip
import io
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipelines.sources.discover import discover
from pipelines.sources.files import InputError
from pipelines.sources.formats import FileFailure
from pipelines.sources.read_payloads import read_payloads
from schemas.channels import registered_channels
from tests.checks import decode_records
from tests.mutations import fixture_lines
from tests.test_bad_input import SHARED
from tests.test_bad_input_values import BAD, line

CHANNELS = registered_channels()
NOW = 1_772_452_800
MAIL = b'{"event": "open", "time": 1772438460, "Message_GUID": "%d", "mj_contact_id": 1}\n'
MAILS = b"".join(MAIL % n for n in range(200))


def read(path):
    """Payloads, and (position, reason) of what could not be read."""
    (file,) = discover([str(path)])
    payloads, failures = [], []
    for found in read_payloads(file):
        if isinstance(found, FileFailure):
            failures.append((found.position, found.reason.value))
        else:
            payloads += found.column("payload").to_pylist()
    return payloads, failures


def parquet(table, **options):
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def table_of(dataset, name):
    files = sorted((dataset / name).rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]


# Files


def test_a_zstd_file_cut_short_gives_what_came_before_and_one_failure(tmp_path):
    whole = zstandard.ZstdCompressor().compress(MAILS)
    (tmp_path / "a.ndjson.zst").write_bytes(whole[:-20])
    payloads, failures = read(tmp_path / "a.ndjson.zst")

    assert [reason for _, reason in failures] == ["corrupt_file"]
    assert b"".join(p + b"\n" for p in payloads) == MAILS[: len(b"".join(payloads)) + len(payloads)]


def test_a_gzip_that_states_another_length_is_a_failure_after_every_line(tmp_path):
    lying = bytearray(gzip.compress(MAILS))
    lying[-4:] = (len(MAILS) + 1).to_bytes(4, "little")
    (tmp_path / "a.ndjson.gz").write_bytes(lying)
    payloads, failures = read(tmp_path / "a.ndjson.gz")

    assert len(payloads) == 200
    assert failures == [(201, "corrupt_file")]


def test_a_gzip_that_is_json_is_one_failure(tmp_path):
    (tmp_path / "a.ndjson.gz").write_bytes(MAILS)

    assert read(tmp_path / "a.ndjson.gz") == ([], [(1, "corrupt_file")])


@pytest.mark.parametrize("place", range(0, 1200, 7))
def test_a_parquet_with_one_wrong_byte_ends_in_records_or_one_failure(tmp_path, place):
    rows = {"payload": [MAIL % n for n in range(30)], "position": list(range(30))}
    content = bytearray(parquet(pa.table(rows), row_group_size=10))
    content[place % len(content)] ^= 0xFF
    (tmp_path / "a.parquet").write_bytes(content)
    payloads, failures = read(tmp_path / "a.parquet")

    assert len(payloads) <= 30
    assert len(failures) <= 1
    assert {reason for _, reason in failures} <= {"corrupt_file"}


def test_a_parquet_whose_statistics_lie_does_not_end_the_process(tmp_path):
    """The histogram of a column has another size than its levels: the library cannot say so."""
    content = parquet(pa.table({"payload": [MAIL % n for n in range(4)]}), row_group_size=2)
    footer = int.from_bytes(content[-8:-4], "little")
    for place in range(len(content) - 8 - footer, len(content) - 8):
        lying = bytearray(content)
        lying[place] = 0x29
        (tmp_path / "a.parquet").write_bytes(lying)
        payloads, failures = read(tmp_path / "a.parquet")

        assert len(payloads) <= 4
        assert {reason for _, reason in failures} <= {"corrupt_file"}


@pytest.mark.parametrize(
    "column",
    [
        pa.array([0, 2**40], pa.timestamp("s")),
        pa.array([0, 2**62], pa.timestamp("us", "UTC")),
        pa.array([0, 2**30], pa.date32()),
        pa.array([0, 2**62], pa.duration("s")),
        pa.array([b"a", b"\xff"]).view(pa.string()),
    ],
    ids=["year 34846", "year 148108", "day of year 2941752", "146 billion years", "no UTF-8"],
)
def test_a_value_of_parquet_that_json_cannot_hold_fails_its_row_alone(tmp_path, column):
    (tmp_path / "a.parquet").write_bytes(parquet(pa.table({"n": [1, 2], "value": column})))
    payloads, failures = read(tmp_path / "a.parquet")

    assert [json.loads(payload)["n"] for payload in payloads] == [1]
    assert [position for position, _ in failures] == [2]
    assert {reason for _, reason in failures} <= {"invalid_value", "invalid_utf8"}


def test_a_time_zone_of_no_place_fails_its_rows_not_the_run(tmp_path):
    column = pa.array([0], pa.timestamp("us", "Nowhere/Land"))
    (tmp_path / "a.parquet").write_bytes(parquet(pa.table({"value": column})))

    assert read(tmp_path / "a.parquet") == ([], [(1, "invalid_value")])


@pytest.mark.parametrize("wild", [-(2**62), 0, 4_102_444_800_000_000, 2**62])
def test_an_arrival_of_no_plausible_year_is_the_files_own(tmp_path, wild):
    times = pa.array([wild, 1_772_452_800_000_000], pa.timestamp("us"))
    (tmp_path / "a.parquet").write_bytes(
        parquet(pa.table({"payload": [b"{}", b"{}"], "arrived_time": times}))
    )
    (file,) = discover([str(tmp_path / "a.parquet")])
    (batch,) = read_payloads(file)

    arrived = batch.column("arrived_time").to_pylist()
    assert arrived[0] == file.arrived
    assert arrived[1].isoformat() == "2026-03-02T12:00:00+00:00"


def test_a_position_beyond_64_bits_is_the_rows_number(tmp_path):
    positions = pa.array([2**64 - 1, 7], pa.uint64())
    (tmp_path / "a.parquet").write_bytes(
        parquet(pa.table({"payload": [b"{}", b"{}"], "position": positions}))
    )
    (file,) = discover([str(tmp_path / "a.parquet")])
    (batch,) = read_payloads(file)

    assert batch.column("position").to_pylist() == [1, 7]


@pytest.mark.parametrize("seconds", [0, -86_400, 4_200_000_000])
def test_a_file_of_no_plausible_time_arrives_now(tmp_path, seconds):
    (tmp_path / "a.ndjson").write_bytes(MAILS)
    os.utime(tmp_path / "a.ndjson", (seconds, seconds))
    (file,) = discover([str(tmp_path / "a.ndjson")])

    assert 2026 <= file.arrived.year < 2100


def test_a_file_name_that_is_no_text_is_refused_by_a_sentence(tmp_path):
    with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.ndjson"), "wb") as file:
        file.write(MAILS)

    with pytest.raises(InputError, match=r"expected a name in UTF-8, found .*caf\\xe9"):
        discover([str(tmp_path)])


@pytest.mark.parametrize(
    "cell", ["=HYPERLINK(A1)", "+1", "-1", "@SUM(A1)", "\t=1", "<script>", '"""']
)
def test_a_cell_a_spreadsheet_would_run_is_text(tmp_path, cell):
    sink = io.StringIO()
    rows = [["name", "text", "tweet_created"], ["ann", cell, "1/7/15 15:02"]]
    csv.writer(sink).writerows(rows)
    (tmp_path / "a.csv").write_text(sink.getvalue(), newline="")
    payloads, failures = read(tmp_path / "a.csv")

    assert failures == []
    decoded = decode_records(payloads, CHANNELS["social_listening"])
    assert decoded.events.column("text").to_pylist() == [cell]


# Whole runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory, measured):
    """(dataset, summary) of every fixture alone, and of the same among all bad records."""
    results = []
    for name in ("clean", "dirty"):
        folder = tmp_path_factory.mktemp(name)
        inputs = []
        for channel in CHANNELS:
            good = list(fixture_lines(channel))
            bad = [line(record) for record, _, _ in BAD[channel]]
            bad += [row[1] for row in SHARED if row[1].strip() and b"\n" not in row[1]]
            lines = good if name == "clean" else [r for p in zip(bad, good * 9) for r in p] + good
            path = folder / f"{channel}.{CHANNELS[channel].format}"
            path.write_bytes(b"".join(record + b"\n" for record in lines))
            os.utime(path, (NOW, NOW))
            inputs.append(f"{channel}={path}")
        if name == "dirty":
            packed = gzip.compress(MAILS, mtime=0)
            for file, content in (
                ("cut.ndjson.gz", packed[: len(packed) // 2]),
                ("lying.ndjson.gz", MAILS),
                ("lying.parquet", b"PAR1" + bytes(400) + b"PAR1"),
                ("unknown.ndjson", b'{"who": "knows"}\n'),
            ):
                (folder / file).write_bytes(content)
                os.utime(folder / file, (NOW, NOW))
                inputs.append(f"{'mailjet=' if 'lying' in file else ''}{folder / file}")
        results.append((folder / "dataset", measured(inputs, folder / "dataset")))
    return results


def test_the_balance_closes_over_bad_input(runs):
    for dataset, measured in runs:
        b = measured.balance
        assert measured.unbalanced == []
        assert b["received"] == b["decoded"] + b["failed"]
        assert b["failed"] == len(table_of(dataset, "failed_events"))


def test_bad_input_leaves_the_events_of_good_records_as_they_are(runs):
    clean, dirty = (table_of(dataset, "events") for dataset, _ in runs)
    known = {event["event_id"] for event in clean}
    distinct = {event["event_id"]: event for event in dirty if event["event_id"] in known}

    assert len(known) > 200
    assert distinct == {event["event_id"]: event for event in clean}


def test_every_bad_record_of_a_run_is_a_failed_event_with_its_bytes(runs):
    failed = table_of(runs[1][0], "failed_events")
    found = {(row["channel"], row["payload"], row["reason"], row["path"]) for row in failed}

    for channel, rows in BAD.items():
        expected = {(channel, line(record), reason, path) for record, reason, path in rows}
        assert expected - found == set()


def test_files_that_lie_are_failed_events_of_the_stage_that_found_out(runs):
    failed = table_of(runs[1][0], "failed_events")
    found = {
        row["input"].rpartition("/")[2]: (row["stage"], row["reason"], row["path"])
        for row in failed
    }

    assert found["cut.ndjson.gz"] == ("read", "corrupt_file", "$")
    assert found["lying.ndjson.gz"] == ("read", "corrupt_file", "$")
    assert found["lying.parquet"] == ("read", "corrupt_file", "$")
    assert found["unknown.ndjson"] == ("recognise", "unknown_channel", "$")


def test_a_row_of_parquet_that_json_cannot_hold_is_a_failed_event_that_names_its_column(
    tmp_path, measured
):
    text = pa.array([b"open", b"\xff"]).view(pa.string())
    rows = {"event": text, "time": [1772438460] * 2, "Message_GUID": ["1", "2"]}
    (tmp_path / "a.parquet").write_bytes(parquet(pa.table(rows)))
    done = measured([f"mailjet={tmp_path / 'a.parquet'}"], tmp_path / "dataset")
    (failed,) = table_of(tmp_path / "dataset", "failed_events")

    assert (done.balance["decoded"], done.balance["failed"]) == (1, 1)
    assert (failed["stage"], failed["reason"], failed["path"]) == (
        "read",
        "invalid_utf8",
        "$.event",
    )
    assert failed["payload"] == b'{"event":"/w==","time":1772438460,"Message_GUID":"2"}'


def test_a_run_over_nothing_good_publishes_no_events(tmp_path, measured):
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"".join(row[1].replace(b"\n", b"") + b"\n" for row in SHARED[2:-3]))
    done = measured([f"segment={path}"], tmp_path / "dataset")

    assert done.unbalanced == []
    assert (done.balance["decoded"], done.balance["events"]) == (0, 0)
    assert done.balance["failed"] == done.balance["received"] > 15
