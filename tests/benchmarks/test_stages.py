"""The stages' clock and the search for fallback coders."""

from __future__ import annotations

import apache_beam as beam

from benchmarks.stages import Clock, shuffles_in_general_coder


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
