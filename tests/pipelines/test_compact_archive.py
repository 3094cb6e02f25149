"""`moment compact archive=WHERE`: one file an hour, and each record is still there once."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.cli import main
from pipelines.compact import archive as compact_archive
from pipelines.compact.archive import gather_archive
from pipelines.compact.kept import Compacted
from pipelines.errors import OptionError
from pipelines.sinks.parquet import DayFile
from pipelines.sinks.tables import ARCHIVE
from pipelines.sources.archive import archived_payloads, find_archive
from schemas.archive import ARCHIVED_PAYLOAD

DAY = date(2026, 3, 14)
SEVEN = datetime(2026, 3, 14, 19, 0, tzinfo=timezone.utc)


def add(place: Path, *positions: int, hour: int = 19) -> None:
    """A file of a bundle: the records of these positions of one topic, in that hour."""
    at = SEVEN.replace(hour=hour)
    rows = [
        {
            "input": "kafka:live/0",
            "position": position,
            "channel": "segment" if position % 2 else None,
            "arrived_time": at + timedelta(seconds=position),
            "payload": b"{%d}" % position,
            "expires_on": date(2026, 4, 13),
        }
        for position in positions
    ]
    file = DayFile(place / f"day={DAY}", ARCHIVE.schema, f"hour-{hour:02}")
    file.gather(pa.RecordBatch.from_pylist(rows, ARCHIVED_PAYLOAD))
    file.commit()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two hours; a bundle of the first was tried again, and had one record more."""
    add(tmp_path, 1, 2)
    add(tmp_path, 3)
    add(tmp_path, 3, 4)
    add(tmp_path, 5, hour=20)
    return tmp_path


def read(place: Path) -> list[tuple[int, str, bytes]]:
    """Position, hour and bytes of each record that a reader of the archive gets."""
    return [
        (position, f"{arrived:%H}", payload)
        for hour in find_archive(str(place)).hours
        for batch in archived_payloads(hour.files)
        for position, arrived, payload in zip(
            *(batch.column(name).to_pylist() for name in ("position", "arrived_time", "payload"))
        )
    ]


RECORDS = [
    (2, "19", b"{2}"), (4, "19", b"{4}"), (1, "19", b"{1}"), (3, "19", b"{3}"), (5, "20", b"{5}"),
]  # fmt: skip


def files(place: Path) -> list[str]:
    """Each file of the day by what its name begins with."""
    return sorted(path.name[:7] for path in (place / f"day={DAY}").iterdir())


def test_an_hours_files_become_one_and_each_record_is_there_once(place):
    assert sorted(read(place)) == sorted(RECORDS)

    done = gather_archive(str(place), DAY)

    assert done == Compacted("archive", (4, 2), (6, 5))
    assert files(place) == ["hour-19", "hour-20"]
    assert sorted(read(place)) == sorted(RECORDS)


def test_a_second_time_nothing_is_left_to_do(place):
    gather_archive(str(place), DAY)
    before = sorted(place.rglob("*.parquet"))

    assert gather_archive(str(place), DAY) == Compacted("archive", (2, 2), (5, 5))
    assert sorted(place.rglob("*.parquet")) == before


def test_where_it_is_stopped_each_record_is_read_once_and_the_next_time_completes_it(
    place, monkeypatch
):
    monkeypatch.setattr(compact_archive, "_remove", lambda hour: (_ for _ in ()).throw(KeyError))
    with pytest.raises(KeyError):
        gather_archive(str(place), DAY)
    monkeypatch.undo()
    assert files(place) == ["hour-19"] * 4 + ["hour-20"]
    assert sorted(read(place)) == sorted(RECORDS)

    assert gather_archive(str(place), DAY) == Compacted("archive", (5, 2), (10, 5))
    assert sorted(read(place)) == sorted(RECORDS)


def test_what_arrives_meanwhile_stays_beside(place, monkeypatch):
    remove = compact_archive._remove

    def arriving_late(hour: object) -> None:
        add(place, 6)
        remove(hour)

    monkeypatch.setattr(compact_archive, "_remove", arriving_late)
    gather_archive(str(place), DAY)

    assert sorted(position for position, *_ in read(place)) == [1, 2, 3, 4, 5, 6]


def test_the_command_says_what_became_of_it(place, capsys):
    assert main(["compact", f"archive={place}", "--day", str(DAY)]) == 0

    assert capsys.readouterr().out == "archive: 4 files to 2, 6 rows to 5\n"


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        (DAY, f"--day {DAY}: expected a day that has ended, in UTC, found one in which records"),
        (date(2026, 3, 13), "--day 2026-03-13: expected what arrived on that day in the archive"),
    ],
)
def test_what_cannot_be_gathered_is_one_sentence(place, day, sentence):
    with pytest.raises(OptionError) as raised:
        gather_archive(str(place), day, today=DAY)

    assert str(raised.value).startswith(sentence)
    assert len(files(place)) == 4
