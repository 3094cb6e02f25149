"""The life of a process that outlives whoever starts it, with processes that do little."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from deploy.local import processes
from deploy.local.processes import Program, StartError, end_strays, running, start, stop


def _program(code: str, said: str = "ready", seconds: float = 20) -> Program:
    return Program(
        name="sleeper",
        command=[sys.executable, "-u", "-c", code],
        ready=lambda log: said in log,
        seconds=seconds,
    )


def test_a_process_is_found_by_its_pid_file_and_stopped(tmp_path):
    start(tmp_path, _program("import time; print('ready'); time.sleep(60)"))
    number = running(tmp_path, "sleeper")

    assert number is not None
    assert processes.started(tmp_path) == ["sleeper"]

    assert stop(tmp_path, ["sleeper"]) == ["sleeper"]

    assert running(tmp_path, "sleeper") is None
    assert processes.started(tmp_path) == []
    assert stop(tmp_path, ["sleeper"]) == []


def test_children_are_the_living_processes_that_one_started_itself():
    first = subprocess.Popen(["sleep", "60"])
    second = subprocess.Popen(["sh", "-c", "sleep 60; true"])
    try:
        assert {first.pid, second.pid} <= set(processes.children(os.getpid()))

        first.kill()
        while first.pid in processes.children(os.getpid()):
            time.sleep(0.02)

        assert second.pid in processes.children(os.getpid())
    finally:
        first.kill()
        subprocess.run(["pkill", "-P", str(second.pid)], check=False)
        second.kill()
        first.wait()
        second.wait()


def test_what_a_process_started_is_stopped_with_it(tmp_path):
    child = "import subprocess; p = subprocess.Popen(['sleep', '60']); print('child', p.pid); "
    start(tmp_path, _program(child + "print('ready'); p.wait()"))
    (told,) = [
        line
        for line in processes.log_file(tmp_path, "sleeper").read_text().splitlines()
        if line.startswith("child")
    ]

    stop(tmp_path, ["sleeper"])

    _until_gone(int(told.split()[1]))


def test_what_a_crashed_process_left_is_stopped(tmp_path):
    crash = "import subprocess; p = subprocess.Popen(['sleep', '60']); print('child', p.pid); "
    start(tmp_path, _program(crash + "print('ready'); import time; time.sleep(0.5)"))
    child = int(processes.log_file(tmp_path, "sleeper").read_text().split()[1])
    while running(tmp_path, "sleeper"):
        time.sleep(0.05)
    os.kill(child, 0)

    stop(tmp_path, ["sleeper"])

    _until_gone(child)


def test_strays_of_a_folder_are_killed_and_those_of_a_folder_beside_it_are_not(tmp_path):
    """As a job server and the workers of a killed test: nobody's pid file knows of them."""
    own, beside = tmp_path / "local-tests", tmp_path / "local-tests-of-others"
    by_environment = _stray([], {"TMPDIR": f"{own}/tmp"})
    by_command = _stray([f"-Djava.io.tmpdir={own}/tmp"], {})
    others = _stray([f"--of={beside}/tmp"], {"TMPDIR": f"{beside}/tmp"})
    reader = subprocess.Popen(["sleep", "60"], env={"TMPDIR": f"{own}/tmp"})
    try:
        killed = end_strays(own)

        assert killed == sorted([by_environment.pid, by_command.pid])
        assert by_environment.wait(5) == by_command.wait(5) == -signal.SIGKILL
        assert others.poll() is None
        assert reader.poll() is None
        assert end_strays(own) == []
    finally:
        for process in (by_environment, by_command, others, reader):
            process.kill()
            process.wait()


def _stray(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    """A Python process that sleeps, once it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_process_that_does_not_listen_to_sigterm_is_killed(tmp_path):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); time.sleep(60)"
    start(tmp_path, _program(deaf))

    assert stop(tmp_path, ["sleeper"], seconds=0.3) == ["sleeper"]
    assert running(tmp_path, "sleeper") is None


def test_a_process_that_ends_is_told_with_the_end_of_its_log(tmp_path):
    with pytest.raises(StartError) as failed:
        start(tmp_path, _program("print('the disk is full'); raise SystemExit(3)"))

    assert str(failed.value) == (
        f"sleeper ended with exit code 3. The last lines of {tmp_path}/log/sleeper.log:\n"
        "the disk is full"
    )
    assert processes.started(tmp_path) == []


def test_a_process_that_is_not_ready_in_time_is_stopped(tmp_path):
    with pytest.raises(StartError, match="sleeper was not ready after 1 s"):
        start(tmp_path, _program("print('waits'); import time; time.sleep(60)", seconds=1))

    assert processes.started(tmp_path) == []


def test_a_line_of_an_earlier_start_makes_nobody_ready(tmp_path):
    start(tmp_path, _program("import time; print('ready'); time.sleep(60)"))
    stop(tmp_path, ["sleeper"])

    with pytest.raises(StartError, match="was not ready"):
        start(tmp_path, _program("import time; time.sleep(60)", seconds=0.5))


def test_a_process_id_given_to_another_program_is_left_alone(tmp_path):
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        file = processes.pid_file(tmp_path, "sleeper")
        file.parent.mkdir()
        file.write_text(f"{stranger.pid} 1\n")

        assert running(tmp_path, "sleeper") is None
        assert stop(tmp_path, ["sleeper"]) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_file_that_is_not_whole_names_no_process(tmp_path):
    file = processes.pid_file(tmp_path, "sleeper")
    file.parent.mkdir()
    file.write_text("")

    assert running(tmp_path, "sleeper") is None
    assert stop(tmp_path, ["sleeper"]) == []


def _until_gone(process: int) -> None:
    """A killed process may stay for a moment, or as a zombie nobody collects: neither runs."""
    until = time.monotonic() + 5
    while processes._started_at(process) is not None:
        assert time.monotonic() < until, f"process {process} still runs"
        time.sleep(0.05)
