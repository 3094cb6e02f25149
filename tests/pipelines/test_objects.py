"""Which objects of a bucket a pattern means, and names that no bucket has."""

from __future__ import annotations

from datetime import datetime, timezone

import apache_beam as beam
import pytest

from pipelines.sources.discover import discover
from pipelines.sources.files import InputError, InputFile
from pipelines.sources.objects import matches
from pipelines.sources.read_files import ReadFiles
from pipelines.storage import (
    Found,
    StorageError,
    bucket_of,
    in_bucket,
    is_within,
    join,
    storage_error,
)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("logs/*.gz", "logs/a.gz", True),
        ("logs/*.gz", "logs/2026/a.gz", False),
        ("logs/*.gz", "logs/a.zst", False),
        ("logs/*", "logs/.hidden", False),
        ("logs/.*", "logs/.hidden", True),
        ("logs/access-202603??.log", "logs/access-20260301.log", True),
        ("logs/access-202603??.log", "logs/access-2026030.log", False),
        ("logs/day=[12]/*.ndjson", "logs/day=2/a.ndjson", True),
        ("logs/day=[12]/*.ndjson", "logs/day=3/a.ndjson", False),
        ("**/*.ndjson", "a.ndjson", True),
        ("**/*.ndjson", "logs/2026/a.ndjson", True),
        ("logs/**", "logs/2026/a.ndjson", True),
        ("**/*.ndjson", ".trash/a.ndjson", False),
        ("logs", "logs/a.ndjson", False),
        ("LOGS/*", "logs/a.ndjson", False),
    ],
)
def test_a_pattern_means_what_it_means_for_files(pattern, path, expected):
    assert matches(pattern.split("/"), path.split("/")) is expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("gs://live", ("live", "")),
        ("gs://live/", ("live", "")),
        ("gs://live/raw/2026/", ("live", "raw/2026")),
        ("gs://figures.example.com/a b=c#d", ("figures.example.com", "a b=c#d")),
    ],
)
def test_a_place_is_a_bucket_and_a_prefix(place, expected):
    assert bucket_of(place) == expected


@pytest.mark.parametrize(
    "place", ["gs://", "gs:///raw", "gs://Live/raw", "gs://li/raw", "s3://live"]
)
def test_a_name_that_no_bucket_has_is_one_sentence(place):
    with pytest.raises(
        StorageError, match=r"expected gs://BUCKET/PREFIX, with a bucket of 3 to 222"
    ):
        bucket_of(place)


def test_an_object_is_in_no_directory_of_this_machine(tmp_path):
    assert in_bucket("gs://live/a")
    assert not is_within("gs://live/a", tmp_path)
    assert is_within(str(tmp_path / "a"), tmp_path.resolve())
    assert join("gs://live/raw/", "day=1", "a") == "gs://live/raw/day=1/a"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "google::cloud::Status(PERMISSION_DENIED: ada@example.com does not have",
            "expected the right to list and read objects of the bucket live, found"
            " PERMISSION_DENIED: grant this account Storage Object Viewer on it",
        ),
        (
            "google::cloud::Status(UNAVAILABLE: Could not create a OAuth2 access token",
            "expected Google Cloud credentials, found none that work: run `gcloud auth"
            " application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file",
        ),
        (
            "google::cloud::Status(UNAVAILABLE: Retry policy exhausted",
            "expected Cloud Storage to answer, found UNAVAILABLE: check the network",
        ),
    ],
)
def test_an_answer_is_one_sentence_with_its_code_and_none_of_its_words(said, sentence, monkeypatch):
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)

    assert str(storage_error("gs://live/raw", OSError(said))) == f"gs://live/raw: {sentence}"


@pytest.mark.parametrize(("path", "spread"), [("gs://live/{}.ndjson", True), ("/{}.ndjson", False)])
def test_objects_are_read_by_as_many_workers_as_there_are(path, spread):
    changed = datetime(2026, 3, 2, tzinfo=timezone.utc)
    root = beam.Pipeline()
    files = [InputFile(path.format(name), "ndjson", None, None, 10, changed) for name in "ab"]
    root | ReadFiles(files)

    labels = [step.unique_name for step in root.to_runner_api().components.transforms.values()]
    assert any("ListFiles/MaybeReshuffle/Reshuffle" in label for label in labels) is spread


ARCHIVED = "day=2026-03-02/hour-19-0123456789abcdef0123456789abcdef.parquet"
BELOW = {
    "gs://live/raw/a.ndjson": b'{"id": 1}\n',
    f"gs://live/raw/kept/{ARCHIVED}": b"PAR1",
    "gs://live/raw/sim/truth.json": b'{\n "content_id": "live-42"\n}',
    "gs://live/raw/other/truth.json": b'{"id": 2}\n',
}


@pytest.fixture
def bucket(monkeypatch):
    """A bucket of these objects, without a store."""

    def below(prefix):
        return [Found(path, len(BELOW[path]), 0.0) for path in BELOW if path.startswith(prefix)]

    monkeypatch.setattr("pipelines.sources.objects.files_below", below)
    monkeypatch.setattr(
        "pipelines.sources.objects.object_at",
        lambda path: next(iter(below(path)), None) if path in BELOW else None,
    )
    monkeypatch.setattr(
        "pipelines.sources.discover.head_of", lambda path, size: (BELOW[path][:size], "")
    )


def test_of_a_prefix_archives_and_the_truth_of_a_simulation_are_left_out_and_told(bucket, caplog):
    found = [file.path for file in discover(["gs://live/raw"])]

    assert found == ["gs://live/raw/a.ndjson", "gs://live/raw/other/truth.json"]
    assert caplog.messages == [
        "gs://live/raw: left out what Moment wrote itself, which is no native event:"
        " gs://live/raw/kept, gs://live/raw/sim/truth.json"
    ]


def test_a_truth_that_is_named_by_itself_is_read(bucket):
    (file,) = discover(["gs://live/raw/sim/truth.json"])

    assert file.path == "gs://live/raw/sim/truth.json"


def test_a_prefix_that_is_an_archive_is_told_with_how_to_read_it(bucket):
    with pytest.raises(
        InputError, match=r"found an archive: give it as archive=gs://live/raw/kept\."
    ):
        discover(["gs://live/raw/kept"])


def test_an_address_of_another_store_is_refused_as_input():
    with pytest.raises(InputError, match=r"of this machine or of gs://BUCKET, found s3://live/a:"):
        discover(["s3://live/a"])
