"""The stages' clock and the search for fallback coders."""

from __future__ import annotations

import json
import subprocess
import sys

import apache_beam as beam

from benchmarks.inputs import generate
from benchmarks.stages import STAGES, Clock, shuffles_in_general_coder
from deploy.local.services import ROOT


def test_time_within_an_inner_stage_is_not_the_outer_ones(monkeypatch):
    ticks = iter([0, 1, 3, 8, 10])
    monkeypatch.setattr("benchmarks.stages.time.process_time", lambda: next(ticks))
    clock = Clock()

    with clock.of("outer"), clock.of("inner"):
        pass

    assert clock.seconds == {"outer": 2 + 2, "inner": 5}


def test_a_generators_clock_stands_still_while_its_element_is_used(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("benchmarks.stages.time.process_time", lambda: now[0])
    clock = Clock()

    def elements():
        for _ in range(2):
            now[0] += 1
            yield "element"

    for _ in clock.clocked(elements, lambda: "stage")():
        now[0] += 100

    assert clock.seconds == {"stage": 2}


def test_a_shuffle_of_elements_beam_must_pickle_is_named():
    pipeline = beam.Pipeline()
    pickled = pipeline | "Objects" >> beam.Create([(1, object)])
    _ = pickled | "Keep" >> beam.Map(lambda pair: pair) | "Pickled" >> beam.GroupByKey()
    numbers = pipeline | "Numbers" >> beam.Create([(1, 2)])
    _ = numbers | "Coded" >> beam.GroupByKey()

    named = shuffles_in_general_coder(pipeline)

    assert [name for name in named if "Create" not in name] == ["Pickled"]


def test_the_whole_job_runs_with_clocks_in_it_and_each_stage_is_told(tmp_path):
    """In a process of its own, as the benchmark does: clocks stay where they are put."""
    tracks = generate(tmp_path, 2_000)

    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.stages", str(tracks.path), str(tmp_path / "dataset")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr[-3000:]
    told = json.loads(ended.stdout.splitlines()[-1])
    assert [stage for stage in STAGES if not told["stages"][stage] > 0] == []
    assert told["elements"]["observation"]["count"] > 0
    assert told["general_coders"] == []
