"""Measurement: the cost is that of the whole process, its children included."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks.measurement import Result, compare, measure, record, table

BUSY = "import time\nwhile time.process_time() < 0.3: pass"


def test_the_work_of_a_child_process_is_counted():
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}], check=True)"

    cost = measure([sys.executable, "-c", parent])

    assert cost.cpu_seconds >= 0.3
    assert cost.wall_seconds >= 0.3


def test_waiting_costs_wall_time_only():
    cost = measure([sys.executable, "-c", "import time; time.sleep(1)"])

    assert cost.wall_seconds >= 1
    assert cost.cpu_seconds < 0.9


def test_memory_is_the_peak():
    cost = measure([sys.executable, "-c", "a = bytearray(200_000_000); del a; print('done')"])

    assert cost.peak_rss_bytes > 200_000_000
    assert cost.output == "done\n"


def test_a_command_that_fails_is_an_error_with_its_last_words():
    with pytest.raises(RuntimeError, match=r"found 3; its last words: no such table"):
        measure([sys.executable, "-c", "print('no such table'); raise SystemExit(3)"])


def test_results_are_appended_and_shown_beside_what_they_are_compared_to(tmp_path, capsys):
    rival = Result("flink sql", 40_000, "events/cpu-s")
    ours = compare("moment", 100_000, "events/cpu-s", rival)
    file = tmp_path / "build" / "bench.jsonl"

    record([rival], file)
    record([ours], file)

    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {
            "name": "flink sql",
            "value": 40_000,
            "unit": "events/cpu-s",
            "compared_to": None,
            "ratio": None,
        },
        {
            "name": "moment",
            "value": 100_000,
            "unit": "events/cpu-s",
            "compared_to": "flink sql",
            "ratio": 2.5,
        },
    ]
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        *("moment", "100,000", "events/cpu-s", "flink", "sql", "2.50")
    ]


def test_the_table_is_aligned():
    shown = table([Result("a", 1234.5, "s"), Result("longer", 0.25, "s", "a", 0.5)])

    assert shown.splitlines() == [
        "name    value  unit  compared to  ratio",
        "a       1,234  s",
        "longer   0.25  s     a             0.50",
    ]


def test_figures_of_different_units_are_not_compared():
    with pytest.raises(ValueError, match="expected the unit 's' of a, found 'bytes'"):
        compare("b", 1, "bytes", Result("a", 1, "s"))
