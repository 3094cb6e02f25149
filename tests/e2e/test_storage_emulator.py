"""Buckets as a place for input and archive, on an emulator of Cloud Storage.

Runs where the emulator can be built; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from deploy.local.storage import Emulator
from pipelines.cli import main
from pipelines.simulator import Options, simulate, write
from pipelines.sources.compression import read_blocks
from pipelines.sources.discover import discover
from pipelines.sources.files import InputError
from pipelines.sources.formats import FileFailure
from pipelines.sources.read_payloads import read_payloads
from pipelines.storage import Found, files_below, put, remove

pytestmark = pytest.mark.timeout(900)

LINES = b'{"id":1}\n{"id":2}\n'
MANY = b"".join(b'{"id":%d,"text":"%s"}\n' % (n, b"x" * 900) for n in range(20_000))
"""18 MB: more than one block, and than one part of an upload."""


@pytest.fixture
def bucket(storage: Emulator, request: pytest.FixtureRequest) -> str:
    """An empty bucket of the test's own, as gs://BUCKET."""
    name = f"b{abs(hash(request.node.name)) % 10**8}"
    storage.create(name)
    return f"gs://{name}"


def packed(rows: list[dict]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def records(path: str) -> list[bytes]:
    (file,) = discover([path])
    found = list(read_payloads(file))
    assert not any(isinstance(each, FileFailure) for each in found)
    return [payload for batch in found for payload in batch.column("payload").to_pylist()]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native files of a small show, faults included."""
    folder = tmp_path_factory.mktemp("live")
    write(simulate(Options(seed=7, people=40, minutes=10)), folder)
    (folder / "truth.json").unlink()
    return folder


def count(dataset: Path, table: str) -> int:
    return sum(pq.ParquetFile(file).metadata.num_rows for file in dataset.glob(f"{table}/*/*"))


# ── what an object is ───────────────────────────────────────────────────────────────────────────


def test_an_object_is_written_whole_listed_and_removed(bucket):
    put(MANY, f"{bucket}/raw/day=2026-03-02/a b.bin")

    (found,) = files_below(f"{bucket}/raw")

    assert found == Found(f"{bucket}/raw/day=2026-03-02/a b.bin", len(MANY), found.changed)
    assert b"".join(read_blocks(found.path, None)) == MANY
    assert files_below(f"{bucket}/ra") == []
    remove([found.path, f"{bucket}/was/never/there"])
    assert files_below(bucket) == []


def test_a_store_that_is_frozen_or_away_for_a_while_is_waited_for(storage, bucket):
    storage.freeze()
    threading.Timer(1, storage.thaw).start()
    put(MANY, f"{bucket}/frozen.bin")
    storage.kill()
    threading.Timer(1, storage.start).start()
    put(MANY, f"{bucket}/away.bin")

    assert [found.size_bytes for found in files_below(bucket)] == [len(MANY), len(MANY)]


def test_a_worker_that_is_killed_as_it_writes_leaves_no_object(storage, bucket):
    program = (
        "import os, signal, threading; from pipelines.storage import put;"
        "threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start();"
        f"[put(bytes(200_000_000), '{bucket}/whole.bin') for _ in range(100)]"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert [found.size_bytes for found in files_below(bucket)] in ([], [200_000_000])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ndjson", LINES),
        ("a.ndjson.gz", gzip.compress(LINES)),
        ("a.ndjson.zst", zstandard.compress(LINES)),
        ("a.ndjson", gzip.compress(LINES)),
        ("a", zstandard.compress(LINES)),
        ("a.parquet", packed([{"id": 1}, {"id": 2}])),
        ("a.parquet.gz", gzip.compress(packed([{"id": 1}, {"id": 2}]))),
        ("a.csv", b"id\n1\n2\n"),
    ],
    ids=["plain", "gz", "zst", "gz unnamed", "zst without an ending", "parquet", "packed", "csv"],
)  # fmt: skip
def test_an_object_gives_the_records_that_a_file_would(storage, bucket, name, content):
    storage.put(f"{bucket}/in/{name}", content)

    assert [json.loads(record)["id"] in (1, "1", 2, "2") for record in records(f"{bucket}/in/{name}")] == [True, True]  # fmt: skip


def test_an_object_of_many_blocks_is_read_in_parts(storage, bucket):
    storage.put(f"{bucket}/many.ndjson", MANY)
    storage.put(f"{bucket}/many.ndjson.gz", gzip.compress(MANY))

    for name in ("many.ndjson", "many.ndjson.gz"):
        (file,) = discover([f"{bucket}/{name}"])
        batches = list(read_payloads(file))
        assert len(batches) >= 2
        assert [row for each in batches for row in each.column("position").to_pylist()] == list(
            range(1, 20_001)
        )


def test_an_object_that_breaks_gives_all_before_the_break_and_one_failure(storage, bucket):
    storage.put(f"{bucket}/cut.ndjson.gz", gzip.compress(MANY)[:-2_000])
    storage.put(f"{bucket}/cut.parquet", packed([{"id": 1}])[:-8])

    (lines,) = discover([f"{bucket}/cut.ndjson.gz"])
    *before, failure = read_payloads(lines)
    (table,) = discover([f"{bucket}/cut.parquet"])
    (broken,) = read_payloads(table)

    assert sum(batch.num_rows for batch in before) > 10_000
    assert failure.detail == "expected the end of the gz stream, found the end of the file"
    assert broken.payload.startswith(b"PAR1")


def test_an_object_arrived_when_it_was_written(storage, bucket):
    storage.put(f"{bucket}/a.ndjson", LINES)

    (file,) = discover([f"{bucket}/a.ndjson"])

    blob = storage.client().bucket(bucket.removeprefix("gs://")).get_blob("a.ndjson")
    assert abs((file.arrived - blob.updated).total_seconds()) < 1
    assert file.size_bytes == len(LINES)


# ── which objects are meant ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/logs", ["logs/1/c.ndjson.zst", "logs/a.ndjson", "logs/b.log.gz"]),
        ("/logs/", ["logs/1/c.ndjson.zst", "logs/a.ndjson", "logs/b.log.gz"]),
        ("/logs/*.gz", ["logs/b.log.gz"]),
        ("/logs/**/*.ndjson*", ["logs/1/c.ndjson.zst", "logs/a.ndjson"]),
        ("/l*", ["logs/1/c.ndjson.zst", "logs/a.ndjson", "logs/b.log.gz"]),
        ("/logs/notes.md", ["logs/notes.md"]),
        ("", ["logs/1/c.ndjson.zst", "logs/a.ndjson", "logs/b.log.gz", "other/d.ndjson"]),
    ],
    ids=["a prefix", "with a slash", "a pattern", "any depth", "matching prefixes", "a name", "all"],
)  # fmt: skip
def test_objects_are_named_as_files_are(storage, bucket, given, expected, caplog):
    for name, content in {
        "logs/a.ndjson": LINES,
        "logs/b.log.gz": gzip.compress(LINES),
        "logs/1/c.ndjson.zst": zstandard.compress(LINES),
        "logs/notes.md": LINES,
        "logs/.hidden/e.ndjson": LINES,
        "other/d.ndjson": LINES,
    }.items():
        storage.put(f"{bucket}/{name}", content)

    found = discover([f"{bucket}{given}", f"{bucket}{given}"])

    assert [file.path.removeprefix(f"{bucket}/") for file in found] == expected
    left_out = given in ("/logs", "/logs/", "")
    assert set(caplog.messages) == (
        {
            f"{bucket}{given}: left out 1 file of other endings, such as {bucket}/logs/notes.md; name"
            " them one by one to read them"
        }
        if left_out
        else set()
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            "gs://nobody-has-this/a.ndjson",
            r"the bucket nobody-has-this, found none: make it, or corr",
        ),
        (
            "gs://nobody-has-this/logs/*",
            r"the bucket nobody-has-this, found none: make it, or corr",
        ),
        ("gs://nobody-has-this", r"the bucket nobody-has-this, found none: make it, or correct"),
        ("{}/none.ndjson", r"expected an object, prefix or pattern, found nothing at gs://b\d+/no"),
        ("{}/*.ndjson", r"expected an object, prefix or pattern, found nothing at gs://b\d+/\*"),
        ("{}/notes", r"expected files ending in \.ndjson, .* in the directory gs://b\d+/notes"),
        ("gs://No/a", r"expected gs://BUCKET/PREFIX"),
    ],
)
def test_what_is_not_there_is_one_sentence(storage, bucket, given, sentence):
    storage.put(f"{bucket}/notes/read.me", b"-")

    with pytest.raises(InputError, match=sentence):
        discover([given.format(bucket)])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (os.urandom(4_000_000), r"to be stored as it is, found it with Content-Encoding gzip"),
        (
            LINES,
            r"the bytes that were written, found others \(DATA_LOSS\): clear the object's Cont",
        ),
    ],
    ids=["large", "small"],
)
def test_an_object_that_the_store_would_unpack_is_refused(storage, bucket, content, sentence):
    blob = storage.client().bucket(bucket.removeprefix("gs://")).blob("a.ndjson.gz")
    blob.content_encoding = "gzip"
    blob.upload_from_string(gzip.compress(content))

    with pytest.raises(InputError, match=sentence):
        discover([f"{bucket}/a.ndjson.gz"])


def test_a_store_that_does_not_answer_is_one_sentence(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")

    with pytest.raises(InputError, match=r"expected Cloud Storage to answer, found UNAVAILABLE"):
        discover(["gs://live"])


def test_moment_check_reads_a_bucket_and_needs_no_beam(storage, bucket, capsys):
    storage.put(f"{bucket}/a.ndjson", b'{"survey":1}\n')
    program = (
        f"import sys; from pipelines.cli import main; code = main(['check', 'survey={bucket}/a.ndjson'])"
        "; sys.exit(90 if 'apache_beam' in sys.modules else code)"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert ended.returncode == 1
    assert ended.stdout.endswith("1 payloads: 0 decoded, 1 failed\n")
    assert main(["check", f"survey={bucket}/none.ndjson"]) == 2
    assert "found nothing at gs://" in capsys.readouterr().err


def test_a_dataset_measured_from_a_bucket_is_that_of_the_files_and_is_verified_from_it(
    storage, bucket, live, tmp_path
):
    for file in live.iterdir():
        storage.put(f"{bucket}/raw/{file.name}", file.read_bytes())
    figures, same = str(tmp_path / "figures"), str(tmp_path / "same")

    assert main(["measure", f"{bucket}/raw", "--output", figures]) == 0
    assert main(["measure", str(live), "--output", same]) == 0

    assert main(["verify", figures, f"{bucket}/raw/*"]) == 0
    for table in ("events", "metrics", "failed_events"):
        assert count(Path(figures), table) == count(Path(same), table) > 0
