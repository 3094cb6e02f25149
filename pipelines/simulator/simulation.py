"""A story in native records with faults among them, and the files that hold them."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import zstandard

from pipelines.simulator.faults import Fault, Spoiled, Written, spoil
from pipelines.simulator.scenario import Options
from pipelines.simulator.story import Story, story_of
from pipelines.simulator.truth import Truth, truth_of
from pipelines.simulator.writers import (
    access_log,
    cloudevents,
    customerio,
    iterable,
    mailjet,
    segment,
    social_listening,
    survey,
    youtube_chat,
)

FILES = {
    "segment": "segment.ndjson",
    "youtube_chat": "youtube_chat.ndjson.gz",
    "access_log": "access_log.log",
    "social_listening": "social_listening.ndjson",
    "mailjet": "mailjet.ndjson",
    "iterable": "iterable.ndjson",
    "customerio": "customerio.ndjson",
    "survey": "survey.ndjson",
    "cloudevents": "cloudevents.ndjson.zst",
}
"""The file of each channel; one is compressed by gzip and one by Zstandard."""

_WRITERS: dict[str, ModuleType] = {
    "segment": segment,
    "youtube_chat": youtube_chat,
    "access_log": access_log,
    "social_listening": social_listening,
    "mailjet": mailjet,
    "iterable": iterable,
    "customerio": customerio,
    "survey": survey,
    "cloudevents": cloudevents,
}
_LINES_A_WRITE = 20_000


@dataclass(frozen=True)
class Simulation:
    """Each channel's records in the order of arrival, without newlines, and the truth."""

    options: Options
    records: dict[str, list[bytes]]
    truth: Truth


def simulate(options: Options | None = None) -> Simulation:
    """The simulation of the options (the default ones if none): a function of them alone."""
    options = options or Options()
    story = story_of(options)
    sound, segment_viewers = _written(story)
    files: dict[str, Spoiled] = {}
    for name in FILES:
        broken: tuple[Fault, ...] = _WRITERS[name].BROKEN
        unknown: Fault | None = getattr(_WRITERS[name], "UNKNOWN", None)
        rng = options.generator(f"faults of {name}")
        files[name] = spoil(sound[name], broken, unknown, rng, options)
    return Simulation(
        options=options,
        records={name: file.lines for name, file in files.items()},
        truth=truth_of(story, files, segment_viewers),
    )


def _written(story: Story) -> tuple[dict[str, Written], np.ndarray]:
    """Sound records of every channel, and the viewer of each Segment record."""
    options, people = story.options, story.people
    web, segment_viewers = segment.segment_records(
        options, people, story.runs, story.beats, story.orders
    )
    owned = cloudevents.cloudevents_records(
        options, people, story.panel, story.reactions, story.comments, story.ideas, story.sharers
    )
    return {
        "segment": web,
        "youtube_chat": youtube_chat.youtube_records(options, people, story.chat),
        "access_log": access_log.access_log_records(options, people, story.runs),
        "social_listening": social_listening.social_records(options, people),
        "mailjet": mailjet.mailjet_records(options, people),
        "iterable": iterable.iterable_records(options, people),
        "customerio": customerio.customerio_records(options, people),
        "survey": survey.survey_records(options, people, story.answers),
        "cloudevents": owned,
    }, segment_viewers


def write(simulation: Simulation, directory: Path | str) -> list[Path]:
    """Paths of the files written into `directory` (made if absent): one a channel, and truth.json.

    Files of these names are replaced. Equal simulations give equal files, compressed ones too.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, lines in simulation.records.items():
        path = folder / FILES[name]
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(_joined(lines), compresslevel=6, mtime=0))
        elif path.suffix == ".zst":
            path.write_bytes(zstandard.ZstdCompressor(level=3).compress(_joined(lines)))
        else:
            with path.open("wb") as file:
                for at in range(0, len(lines), _LINES_A_WRITE):
                    file.write(_joined(lines[at : at + _LINES_A_WRITE]))
        paths.append(path)
    truth = folder / "truth.json"
    truth.write_text(json.dumps(simulation.truth.as_json(), indent=1) + "\n")
    return [*paths, truth]


def _joined(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n" if lines else b""
