"""A simulated live show on every channel, with the truth about it: the input of demo and tests."""

from pipelines.simulator.scenario import BRAND, CONTENT, Options
from pipelines.simulator.simulation import FILES, Simulation, simulate, write
from pipelines.simulator.tracks import tracks
from pipelines.simulator.truth import Truth

__all__ = [
    "BRAND",
    "CONTENT",
    "FILES",
    "Options",
    "Simulation",
    "Truth",
    "simulate",
    "tracks",
    "write",
]
