"""The elements of a replay: a file and its pace each, due to its slot of Flink."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, dataclass, replace
from datetime import datetime
from typing import Any

from apache_beam.coders import Coder, registry

from pipelines.flink_slots import Slots, salt_of
from pipelines.sources.files import InputFile
from pipelines.sources.replay_plan import PlannedFile, ReplayPlan
from pipelines.sources.replay_reader import Pace


@dataclass(frozen=True)
class Replayed:
    """One file and its pace. The start is in the element, so a restart does not begin again.

    `salt` says nothing: by it the coded element falls on its slot of Flink.
    """

    planned: PlannedFile
    pace: Pace
    salt: int = 0


def replayed_files(plan: ReplayPlan, pace: Pace, slots: Slots | None) -> list[Replayed]:
    """The files of a plan, in order round the slots; without slots none has a salt."""
    return [
        _due_to_its_slot(Replayed(planned, pace), place, slots)
        for place, planned in enumerate(plan.files)
    ]


class ReplayedCoder(Coder):
    """JSON: the runner keys its state by these bytes, which pickled would not stay the same."""

    def encode(self, value: Replayed) -> bytes:
        file = {**asdict(value.planned.file), "arrived": value.planned.file.arrived.isoformat()}
        rest = (value.planned.records, astuple(value.pace), value.salt)
        return json.dumps((file, *rest)).encode()

    def decode(self, encoded: bytes) -> Replayed:
        file, records, pace, salt = json.loads(encoded)
        file["arrived"] = datetime.fromisoformat(file["arrived"])
        return Replayed(PlannedFile(InputFile(**file), records), Pace(*pace), salt)

    def is_deterministic(self) -> bool:
        return True

    def to_type_hint(self) -> Any:
        return Replayed

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


def _due_to_its_slot(replayed: Replayed, place: int, slots: Slots | None) -> Replayed:
    def coded_with(salt: int) -> bytes:
        return ReplayedCoder().encode(replace(replayed, salt=salt))

    return replace(replayed, salt=salt_of(place, coded_with, slots))


registry.register_coder(Replayed, ReplayedCoder)
