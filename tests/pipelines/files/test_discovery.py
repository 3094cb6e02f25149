"""Which files an input names, and what is said of one that cannot be read."""

import gzip
import io
import os
from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.sources.discover import discover
from pipelines.sources.files import InputError
from pipelines.sources.read_payloads import read_payloads
from tests.pipelines.files.reading import LINES, written


def test_a_directory_gives_its_known_files_to_the_bottom_in_order(tmp_path):
    for name in ["b.log", "a.ndjson.gz", "deep/c.csv", "access.log.1", "access.log-20260301.zst"]:
        written(tmp_path, name, gzip.compress(b"") if name.endswith("gz") else b"")
    for name in ["README.md", ".hidden.log", ".git/d.log", "notes.txt"]:
        written(tmp_path, name, b"text")

    found = [
        (os.path.relpath(f.path, tmp_path), f.format, f.compression)
        for f in discover([str(tmp_path)])
    ]

    assert found == [
        ("a.ndjson.gz", "ndjson", "gz"),
        ("access.log-20260301.zst", "log", "zst"),
        ("access.log.1", "log", None),
        ("b.log", "log", None),
        ("deep/c.csv", "csv", None),
    ]


REQUEST = b'192.0.2.1 - - [02/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1\n'


def test_access_logs_of_a_directory_are_read_whatever_they_are_called(tmp_path, caplog):
    written(tmp_path, "access_log", REQUEST)
    written(tmp_path, "access_log-20260301", gzip.compress(REQUEST))
    written(tmp_path, "other.log", REQUEST)

    assert [
        (os.path.basename(f.path), f.format, f.compression) for f in discover([str(tmp_path)])
    ] == [
        ("access_log", "log", None),
        ("access_log-20260301", "log", "gz"),
        ("other.log", "log", None),
    ]
    assert caplog.messages == []


def test_what_a_directory_leaves_out_is_told_with_an_example(tmp_path, caplog):
    written(tmp_path, "a.ndjson", LINES)
    written(tmp_path, "deep/error_log", b"[Mon Mar 02 12:00:00 2026] [core:notice] hello\n")
    written(tmp_path, "notes.txt", b"id;name\n1;Ann\n")
    written(tmp_path, "torn", gzip.compress(REQUEST)[:12])
    written(tmp_path, ".hidden", b"text")
    os.mkfifo(tmp_path / "pipe")

    assert [os.path.basename(f.path) for f in discover([str(tmp_path)])] == ["a.ndjson"]
    assert caplog.messages == [
        f"{tmp_path}: left out 4 files of other endings, such as {tmp_path}/deep/error_log; name"
        " them one by one to read them"
    ]


def test_of_a_directory_datasets_and_the_truth_of_a_simulation_are_left_out_and_told(
    tmp_path, caplog
):
    written(tmp_path, "a.ndjson", LINES)
    written(tmp_path, "figures/run.json", b"{}")
    written(tmp_path, "figures/events/day=2026-03-02/part-0.parquet", b"PAR1")
    written(tmp_path, "live/run.json", LINES)
    written(tmp_path, "live/truth.json", b'{\n "content_id": "live-42",\n "brand_id": "b"\n}\n')
    written(tmp_path, "other/truth.json", LINES)

    def found(*inputs: str) -> list[str]:
        return [os.path.relpath(file.path, tmp_path) for file in discover(inputs)]

    assert found(str(tmp_path)) == ["a.ndjson", "live/run.json", "other/truth.json"]
    assert caplog.messages == [
        f"{tmp_path}: left out what Moment wrote itself, which is no native event:"
        f" {tmp_path}/figures, {tmp_path}/live/truth.json"
    ]
    assert found(f"{tmp_path}/*") == ["a.ndjson", "live/run.json", "other/truth.json"]
    assert found(f"{tmp_path}/figures", f"{tmp_path}/live/truth.json") == [
        "figures/run.json",
        "figures/events/day=2026-03-02/part-0.parquet",
        "live/truth.json",
    ]


def test_what_a_run_that_was_killed_left_of_a_dataset_is_left_out_too(tmp_path, caplog):
    written(tmp_path, "a.ndjson", LINES)
    written(tmp_path, "figures/moment.duckdb", b"")
    written(tmp_path, "figures/events/day=2026-03-02/part-0.parquet", b"PAR1")

    assert [os.path.basename(file.path) for file in discover([str(tmp_path)])] == ["a.ndjson"]
    assert caplog.messages == [
        f"{tmp_path}: left out what Moment wrote itself, which is no native event:"
        f" {tmp_path}/figures"
    ]


ARCHIVED = "day=2026-03-02/hour-19-0123456789abcdef0123456789abcdef.parquet"


def test_an_archive_below_a_directory_is_left_out_and_told(tmp_path, caplog):
    written(tmp_path, "a.ndjson", LINES)
    written(tmp_path, f"kept/{ARCHIVED}", b"PAR1")
    named = written(tmp_path, "kept/day=2026-03-02/hour-19.parquet", b"PAR1")

    found = [file.path for file in discover([str(tmp_path)])]

    assert found == [str(tmp_path / "a.ndjson"), named]
    assert caplog.messages == [
        f"{tmp_path}: left out what Moment wrote itself, which is no native event: {tmp_path}/kept"
    ]


def test_a_directory_that_is_an_archive_is_told_with_how_to_read_it(tmp_path):
    written(tmp_path, f"kept/{ARCHIVED}", b"PAR1")

    with pytest.raises(InputError) as told:
        discover([str(tmp_path / "kept")])

    assert str(told.value) == (
        f"expected native events in {tmp_path}/kept, found an archive: give it as"
        f" archive={tmp_path}/kept."
    )


def test_links_to_directories_are_followed_and_each_file_is_read_once(tmp_path):
    written(tmp_path, "elsewhere/march.ndjson", LINES)
    written(tmp_path, "in/.versions/2/april.ndjson", LINES)
    written(tmp_path, "in/here/may.ndjson", LINES)
    for link, target in {
        "in/march": "../elsewhere",
        "in/april": ".versions/2",
        "in/may": "here",
        "in/here/round": "..",
        "elsewhere/back": "../in",
    }.items():
        (tmp_path / link).symlink_to(target)

    found = [os.path.relpath(file.path, tmp_path) for file in discover([str(tmp_path / "in")])]

    assert found == ["in/april/april.ndjson", "in/here/may.ndjson", "in/march/march.ndjson"]


def test_a_file_named_twice_is_read_once(tmp_path):
    path = written(tmp_path, "a.ndjson", LINES)

    assert len(discover([path, str(tmp_path / "*.ndjson"), str(tmp_path)])) == 1


def test_a_file_carries_its_size_and_its_time_of_change_in_utc(tmp_path):
    path = written(tmp_path, "a.ndjson", LINES)
    os.utime(path, (1_772_452_800, 1_772_452_800))
    (file,) = discover([path])

    assert (file.size_bytes, file.channel) == (27, None)
    assert file.arrived == datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
    (batch,) = read_payloads(file)
    assert batch["arrived_time"].to_pylist() == [file.arrived] * 3
    assert batch.schema.metadata[b"input"] == path.encode()
    assert b"channel" not in batch.schema.metadata


def test_an_existing_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path):
    path = written(tmp_path, "a[1].ndjson", LINES)

    assert [f.path for f in discover([path])] == [path]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (LINES, "ndjson"),
        (b'[\n {"id": 1},\n {"id": 2}\n]', "json"),
        (b'192.0.2.1 - - [02/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1\n', "log"),
        (b"id;name\n1;Ann\n", "csv"),
        (b"id\tname\n1\tAnn\n", "tsv"),
        (b"", "log"),
    ],
)
def test_a_file_of_unknown_extension_is_told_by_its_content(tmp_path, content, expected):
    assert discover([written(tmp_path, "export.txt", content)])[0].format == expected
    (packed,) = discover([written(tmp_path, "export", gzip.compress(content))])
    assert (packed.format, packed.compression) == (expected, "gz")


def test_parquet_of_unknown_extension_is_told_by_its_magic(tmp_path):
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1]}), sink)

    assert discover([written(tmp_path, "part-0", sink.getvalue())])[0].format == "parquet"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("missing.ndjson", "found nothing at"),
        ("*.ndjson", "expected files that match"),
        ("", "found none: name files"),
        ("notes.txt", "expected JSON, an access log, CSV or Parquet"),
        ("pipe.log", "found something else: copy it to a file"),
    ],
)
def test_an_input_that_cannot_be_read_is_one_clear_sentence(tmp_path, given, words):
    written(tmp_path, "notes.txt", b"Dear diary,\nnothing happened.\n")
    os.mkfifo(tmp_path / "pipe.log")
    if given == "":
        (tmp_path / "pipe.log").unlink()

    with pytest.raises(InputError, match=words) as error:
        discover([str(tmp_path / given)])
    assert str(error.value).count("\n") == 0
