"""The input of the benchmarks: files of Segment tracks, generated, the same bytes each time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines.simulator.tracks import tracks

SEED = 42
CONTENTS = 20
EVENTS_A_PERSON = 20
HEAVY_SHARE = 0.05


@dataclass(frozen=True)
class Tracks:
    """An NDJSON file of Segment tracks of about 800 bytes, a tenth of them reviews with a text."""

    path: Path
    events: int
    people: int

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size


def generate(folder: Path, events: int, people: int = 0, heavy_actor_share: float = 0.0) -> Tracks:
    """The file of so many events in two hours, on twenty contents by Zipf's law.

    People: a twentieth of the events, unless given. `heavy_actor_share` of the events are one's.
    """
    people = people or max(1, events // EVENTS_A_PERSON)
    path = folder / f"tracks-{events}-{people}-{heavy_actor_share:g}.ndjson"
    if not path.exists():
        blocks = tracks(events, people, CONTENTS, SEED, heavy_actor_share=heavy_actor_share)
        with path.open("wb") as file:
            file.writelines(blocks)
    return Tracks(path, events, people)
