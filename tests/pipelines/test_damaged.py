"""A file that breaks off is told loudly, with how far it was read."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from pipelines.cli import main
from pipelines.measure import Measured
from tests.pipelines.cli.said import MAILJET

PACKERS = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}
LINES = Path(MAILJET).read_bytes() * 50


@pytest.mark.parametrize("kind", PACKERS)
def test_a_packed_file_that_is_cut_short_is_told_with_the_last_record_that_was_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    packed = PACKERS[kind](LINES[: len(LINES) // 2]) + PACKERS[kind](LINES[len(LINES) // 2 :])
    file = tmp_path / f"mails.ndjson.{kind}"
    file.write_bytes(packed[:-20])
    whole = LINES[: len(LINES) // 2].count(b"\n")
    code = main(["measure", f"mailjet={file}", "--output", str(tmp_path / "out")])

    said = capsys.readouterr()
    assert code == 0
    assert "+ 1 failed" in said.out
    (line,) = [line for line in said.err.splitlines() if line.startswith("FILE DAMAGED: ")]
    start, _, end = line.partition(" could be read: ")
    path, _, record = start.removeprefix("FILE DAMAGED: ").partition(": nothing after record ")
    assert path == str(file)
    assert whole <= int(record.replace(",", "")) < LINES.count(b"\n")
    assert end == (
        f"expected the end of the {kind} stream, found the end of the file; get the file whole,"
        " and measure again"
    )


def test_of_several_files_the_one_that_is_no_parquet_is_told_and_no_bad_record_is(
    measured: Callable[..., Measured], tmp_path: Path
) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing else")
    (tmp_path / "mails.ndjson").write_bytes(LINES + b"no mail\n")
    ran = measured([tmp_path / "mails.ndjson", tmp_path / "broken.parquet"], tmp_path / "out")

    assert ran.balance["failed"] == 2
    (sentence,) = ran.damaged
    assert sentence.startswith(
        f"{tmp_path / 'broken.parquet'}: nothing of it could be read: expected sound Parquet, found"
    )
