"""Who watches when: runs of heartbeats on the web and in the app, minutes on the television."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulator.people import People
from pipelines.simulator.scenario import HEARTBEAT_MS, MINUTE_MS, PANEL_PERIOD_S, Options

PAUSE_SHARE = 0.2
_PHASE_MS = (300, 9_000)
"""Heartbeats keep this far from a minute's ends: transit to the server cannot move their minute."""


@dataclass(frozen=True)
class Runs:
    """Uninterrupted stretches of watching; one row a run, a viewer has one or two.

    A run starts at `start_ms` and beats `beats` times, every ten seconds after its start.
    """

    viewer: np.ndarray
    start_ms: np.ndarray
    beats: np.ndarray
    resumed: np.ndarray
    paused: np.ndarray

    @property
    def last_beat_ms(self) -> np.ndarray:
        return self.start_ms + self.beats * HEARTBEAT_MS


@dataclass(frozen=True)
class Beats:
    """One row a heartbeat: who (index of viewer or panelist), when (ms), position (s)."""

    who: np.ndarray
    at_ms: np.ndarray
    position_s: np.ndarray


def web_runs(options: Options, people: People) -> Runs:
    """The runs of every viewer. Most come in the first minutes; the willing and amused stay."""
    rng = options.generator("web runs")
    viewers, length = people.viewers, options.length_ms
    early = rng.exponential(length * 0.05, viewers)
    arrival = np.where(rng.random(viewers) < 0.62, early, rng.random(viewers) * length * 0.85)
    arrival = np.minimum(arrival, length - 3 * MINUTE_MS)
    phase = rng.integers(*_PHASE_MS, viewers)
    start = options.start_ms + (arrival // HEARTBEAT_MS).astype(np.int64) * HEARTBEAT_MS + phase
    leaving = rng.random(viewers) < 0.3
    stay = rng.exponential(length * np.where(leaving, 0.03, 0.1 + 0.42 * people.mood[:viewers]))
    room = (options.end_ms - 1 - start) // HEARTBEAT_MS
    wanted = np.where(people.bot, rng.integers(1, 7, viewers), stay // HEARTBEAT_MS)
    beats = np.minimum(wanted.astype(np.int64), room)

    pauses = (rng.random(viewers) < PAUSE_SHARE) & (beats >= 12) & ~people.bot
    gap = rng.integers(3, 30, viewers)
    first = np.where(pauses, beats // 2, beats)
    second_start = start + (first + gap) * HEARTBEAT_MS
    room_after = np.maximum(0, (options.end_ms - 1 - second_start) // HEARTBEAT_MS)
    pauses &= room_after > 0
    first = np.where(pauses, beats // 2, beats)
    second = np.minimum(beats - first, room_after)
    back = np.flatnonzero(pauses)
    return Runs(
        viewer=np.concatenate([np.arange(viewers), back]),
        start_ms=np.concatenate([start, second_start[back]]),
        beats=np.concatenate([first, second[back]]),
        resumed=np.concatenate([np.zeros(viewers, bool), np.ones(len(back), bool)]),
        paused=np.concatenate([pauses, np.zeros(len(back), bool)]),
    )


def web_beats(options: Options, runs: Runs) -> Beats:
    """Every heartbeat of every run."""
    run = np.repeat(np.arange(len(runs.beats)), runs.beats)
    first = np.cumsum(runs.beats) - runs.beats
    number = np.arange(len(run)) - first[run] + 1
    at = runs.start_ms[run] + number * HEARTBEAT_MS
    return Beats(runs.viewer[run], at, (at - options.start_ms) // 1000)


def panel_beats(options: Options, people: People) -> Beats:
    """A minute of audience for every minute a panelist's set is tuned in."""
    rng = options.generator("panel")
    panelists = len(people.panelists)
    start = (rng.random(panelists) ** 2 * options.minutes * 0.7).astype(np.int64)
    stay = 1 + rng.exponential(options.minutes * 0.5, panelists).astype(np.int64)
    minutes = np.minimum(stay, options.minutes - start)
    phase = rng.integers(1_000, 58_000, panelists)
    who = np.repeat(np.arange(panelists), minutes)
    first = np.cumsum(minutes) - minutes
    minute = start[who] + np.arange(len(who)) - first[who]
    at = options.start_ms + minute * MINUTE_MS + phase[who]
    return Beats(who, at, minute * PANEL_PERIOD_S)


def audience_by_minute(options: Options, beats: Beats, kept: np.ndarray) -> np.ndarray:
    """Distinct people with a heartbeat in each minute; `kept` says which people count."""
    minute = (beats.at_ms - options.start_ms) // MINUTE_MS
    pairs = np.unique(beats.who[kept[beats.who]] * options.minutes + minute[kept[beats.who]])
    return np.bincount(pairs % options.minutes, minlength=options.minutes)
