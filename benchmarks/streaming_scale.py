"""How many cores and network cards two terabytes a second would take: extrapolated, never run."""

from __future__ import annotations

import math
from dataclasses import dataclass

BYTES_A_SECOND = 2e12
BROKER_COPIES = 2
"""A broker sends each byte to us and, beside it, to one replica; it is counted apart from us."""
SHUFFLED_SHARE = 0.06
"""Bytes that cross both shuffles and go to checkpoints, of those that come in."""
WRITTEN_SHARE = 0.08
"""Bytes of Parquet events written, of those that come in."""
NIC_BYTES_A_SECOND = 100e9 / 8 * 0.7
"""A card of 100 Gbit/s, seven tenths used."""
CORE_SHARE = 0.7
"""A core may be busy seven tenths of the time: the rest is for what comes in waves."""


@dataclass(frozen=True)
class Scale:
    cores: int
    cards: int


def scale(bytes_a_core_second: float) -> Scale:
    """Cores and cards of the job, without the brokers, for BYTES_A_SECOND.

    Assumes that cores add up: sources, shards and sinks share nothing but brokers, the shuffle and
    storage, so twice the slots do twice the work. That was measured on one and two slots only.
    """
    cores = BYTES_A_SECOND / (bytes_a_core_second * CORE_SHARE)
    moved = BYTES_A_SECOND * (1 + SHUFFLED_SHARE + WRITTEN_SHARE)
    return Scale(math.ceil(cores), math.ceil(moved / NIC_BYTES_A_SECOND))
