"""Pure parts of the streaming benchmarks: CPU accounts, latencies, checkpoints, arithmetic."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.streaming_cluster import Checkpoint, completed
from benchmarks.streaming_cpu import Spent, Stat, parse_stat, read_stats, tree, tree_seconds
from benchmarks.streaming_job import _check_runs
from benchmarks.streaming_latency import latencies
from benchmarks.streaming_latency import reported as reported_latency
from benchmarks.streaming_rival import _sums
from benchmarks.streaming_scale import scale
from benchmarks.streaming_state import at_minute
from benchmarks.streaming_state import reported as reported_state
from benchmarks.streaming_topic import as_of, endlessly
from tests.e2e.needs import need
from tests.e2e.streams import running

LINE = "17 (a (strange) name) S 4 17 17 0 -1 4194304 9 8 7 6 100 20 30 5 20 0 1 0 55 1 1"


def test_a_name_with_parentheses_and_spaces_does_not_move_the_numbers():
    assert parse_stat(LINE) == Stat(parent=4, own=120, ended=35)


def test_a_tree_has_descendants_of_all_degrees_and_nobody_else():
    stats = {1: Stat(0, 1, 0), 2: Stat(1, 10, 0), 3: Stat(2, 100, 0), 4: Stat(9, 1000, 0)}

    assert sorted(tree(1, stats)) == [1, 2, 3]
    assert tree_seconds(1, stats, ticks=100) == 1.11


def test_ended_children_count_by_what_their_parent_knows_of_them():
    assert tree_seconds(1, {1: Stat(0, 50, 150)}, ticks=100) == 2.0


def test_a_child_that_was_waited_for_is_in_the_account_of_this_process():
    need(None if Path("/proc/self/stat").exists() else "there is no /proc here", "CPU accounts")
    before = tree_seconds(os.getpid(), read_stats())
    burn = "import time; e = time.process_time() + 0.3\nwhile time.process_time() < e: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)

    assert tree_seconds(os.getpid(), read_stats()) - before >= 0.3


def test_what_is_spent_leaves_the_broker_apart():
    spent = Spent(5.0, 3.0, 1.0, 9.0) - Spent(1.0, 1.0, 0.5, 1.0)

    assert spent == Spent(4.0, 2.0, 0.5, 8.0)
    assert spent.with_java == 6.0


def test_an_event_waits_for_the_first_row_that_counts_so_many():
    rows = np.array([[0.0, 5.0, 2], [0.0, 10.0, 3], [60.0, 70.0, 1]])
    times = np.array([1.0, 2.0, 7.0, 61.0])

    found = latencies(rows, times)

    assert found.tolist() == [[1.0, 4.0], [2.0, 3.0], [7.0, 3.0], [61.0, 9.0]]


def test_an_event_that_no_row_counts_has_no_latency():
    rows = np.array([[0.0, 5.0, 1]])

    assert latencies(rows, np.array([1.0, 2.0])).tolist() == [[1.0, 4.0]]


def test_a_later_row_of_a_restored_job_that_counts_fewer_takes_nothing_back():
    rows = np.array([[0.0, 5.0, 2], [0.0, 8.0, 1], [0.0, 9.0, 2]])

    assert latencies(rows, np.array([1.0, 2.0]))[:, 1].tolist() == [4.0, 3.0]


def test_percentiles_are_of_events_between_the_two_instants():
    waits = np.array([[1.0, 100.0], [11.0, 2.0], [12.0, 4.0], [30.0, 100.0]])

    results, goals = reported_latency(waits, 10.0, 20.0, rate=5, behind=0.1)

    assert [goal.value for goal in goals] == [3.0, pytest.approx(3.98)]
    assert all(goal.met for goal in goals)
    assert next(r.value for r in results if r.name.endswith("/ events")) == 2


def test_the_size_at_a_minute_is_the_mean_of_the_savepoints_near_it():
    taken = [(33, 9), (36, 4), (40, 6), (44, 5)]
    sizes = [(minute, {"{Attend}": size, "{Read, Decode}": 70}) for minute, size in taken]

    assert at_minute(sizes, 40, source=False) == 5
    assert at_minute(sizes, 40, source=True) == 70


def test_a_state_that_doubles_within_the_hour_misses_its_goal():
    seen = [Checkpoint(number, 1_000.0 + number, 500, 75, 0.5) for number in (1, 2)]
    sizes = [(40, {"{Attend}": 100, "{Read}": 1}), (100, {"{Attend}": 200, "{Read}": 9_000})]

    results, (goal,) = reported_state(seen, sizes, events=10)

    assert goal.value == 2.0
    assert not goal.met
    assert next(r.value for r in results if r.name.endswith("written for an event")) == 15.0


def test_checkpoints_that_failed_and_savepoints_are_left_out():
    def told(number: int, status: str, **more: object) -> dict:
        row = {"id": number, "status": status, "trigger_timestamp": 5_000, "state_size": 7}
        return row | {"checkpointed_size": 3, "end_to_end_duration": 250} | more

    history = [
        told(3, "COMPLETED"),
        told(2, "FAILED"),
        told(4, "IN_PROGRESS"),
        told(1, "COMPLETED", is_savepoint=True),
    ]

    assert completed(history) == [Checkpoint(3, 5.0, 7, 3, 0.25)]


def test_a_job_that_ends_before_it_runs_says_why_at_once(tmp_path):
    """A benchmark that is short of an option waits for nothing, four minutes long."""
    with running("pipelines", ["measure"], tmp_path / "log") as job:
        job.process.wait(60)

    with pytest.raises(RuntimeError, match=r"the job ended with code 2: [^$]*required: INPUT"):
        _check_runs(job)


def test_of_a_job_that_runs_nothing_is_said(tmp_path):
    with running("http.server", ["0"], tmp_path / "log") as job:
        _check_runs(job)


def test_a_track_is_stamped_with_the_moment_it_is_sent():
    line = b'{"a":1,"originalTimestamp":"x","sentAt":"yy","receivedAt":"z","event":"e"}'

    assert as_of(line, 0.25) == (
        b'{"a":1,"originalTimestamp":"1970-01-01T00:00:00.250Z","sentAt":"1970-01-01T00:00:00.250Z"'
        b',"receivedAt":"1970-01-01T00:00:00.250Z","event":"e"}'
    )


def test_lines_are_repeated_under_other_ids():
    lines = endlessly([b'{"messageId":"ajs-next-7"}'])

    assert [next(lines), next(lines)] == [b'{"messageId":"0-7"}', b'{"messageId":"1-7"}']


def test_events_and_people_are_summed_over_the_windows_of_a_kind():
    rows = [
        {"kind": "minute", "events": 2, "people": 1},
        {"kind": "minute", "events": 3, "people": 2},
        {"kind": "day", "events": 5, "people": 2},
    ]

    assert _sums(rows) == ({"minute": 5, "day": 5}, {"minute": 3, "day": 2})


def test_twice_the_speed_of_a_core_halves_the_cores_and_leaves_the_cards():
    slow, fast = scale(10e6), scale(20e6)

    assert fast.cores == pytest.approx(slow.cores / 2, abs=1)
    assert fast.cards == slow.cards
