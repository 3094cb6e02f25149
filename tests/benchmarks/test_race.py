"""A race: contenders in turns at the same work, ratios turn by turn, goals met or not."""

from __future__ import annotations

import pytest

from benchmarks.goals import Goal
from benchmarks.inputs import Tracks, generate
from benchmarks.measurement import Cost
from benchmarks.race import FILE, OUT, Contender, Runs, race, ratio, speeds


def cost(cpu_seconds: float, output: str = "") -> Cost:
    return Cost(wall_seconds=9, cpu_seconds=cpu_seconds, peak_rss_bytes=1, output=output)


def test_contenders_run_in_turns_each_first_on_one_event(tmp_path):
    log = tmp_path / "log"
    one, many = generate(tmp_path, 1), generate(tmp_path, 30)
    script = f'echo "$0 $(wc -l < $1)" >> {log}; test ! -e $2 && touch $2'
    a, b = (Contender(n, ("bash", "-c", script, n, FILE, OUT), many) for n in ("a", "b"))

    race([a, b], 2, one, tmp_path)

    assert log.read_text().split("\n") == [*["a 1", "a 30", "b 1", "b 30"] * 2, ""]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["log", one.path.name, many.path.name]
    )


def test_a_contender_that_counts_other_events_has_not_done_the_work(tmp_path):
    many = generate(tmp_path, 30)
    lazy = Contender("lazy", ("echo", '{"events": 29}'), many, starts=False)

    with pytest.raises(RuntimeError, match="lazy: expected 30 events, found 29"):
        race([lazy], 1, many, tmp_path)


def test_the_ratio_is_the_median_of_the_turns_not_the_ratio_of_medians(tmp_path):
    tracks = Tracks(tmp_path / "none", events=1_000, people=1)
    ours = Runs(Contender("ours", (), tracks), [cost(2), cost(4), cost(10)], [1.0])
    theirs = Runs(Contender("theirs", (), tracks), [cost(8), cost(4), cost(20)], [2.0])

    assert ratio(ours, theirs) == 2.0
    assert ratio(ours, theirs, less_startup=True) == 2.0
    found = {
        (r.name, r.compared_to): (r.value, r.ratio)
        for r in speeds("case", {"ours": ours, "theirs": theirs})
    }
    whole = ("case / ours / whole process", "case / theirs / whole process")
    assert found[whole] == (250.0, 2.0)
    assert found["case / theirs / less start-up", None] == (1_000 / 6, None)


def test_a_goal_is_met_missed_or_a_promise_broken():
    fast = Goal("speed", 1.5, "times", least=1.2)
    slow = Goal("speed", 1.0, "times", least=1.2)
    great = Goal("memory", 700e6, "bytes", most=650e6, promise=True)

    assert fast.said() == "met     speed: 1.5 times, at least 1.2"
    assert slow.said() == "missed  speed: 1 times, at least 1.2"
    assert great.said() == "BROKEN  memory: 700,000,000 bytes, at most 650,000,000"
    assert great.result().ratio == pytest.approx(1.077, abs=1e-3)
