"""The ports that local services listen on, all of them on this machine's own address."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"


class PortError(Exception):
    """A port that cannot be had; the message is one sentence a reader can act on."""


@dataclass(frozen=True)
class Ports:
    """One TCP port each. A field NAME is read from the environment variable MOMENT_NAME_PORT."""

    flink: int = 8081
    flink_rpc: int = 6123
    worker_pool: int = 50000
    kafka: int = 9092
    kafka_controller: int = 9093
    pubsub: int = 8085
    pubsub_iam: int = 8086
    bigquery: int = 9050
    bigquery_write: int = 9060
    storage: int = 4443


def variable(name: str) -> str:
    """Environment variable of a field of Ports: `flink_rpc` is set by MOMENT_FLINK_RPC_PORT."""
    return f"MOMENT_{name.upper()}_PORT"


def ports_from(environment: Mapping[str, str]) -> Ports:
    """The default ports, replaced where the environment sets another.

    Raises PortError for a value that is no port, and for one port given to two services.
    """
    given: dict[str, int] = {}
    for field in fields(Ports):
        value = environment.get(variable(field.name))
        if not value:
            continue
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
            raise PortError(
                f"Expected a port from 1 to 65535 in {variable(field.name)}, found {value!r}."
            )
        given[field.name] = int(value)
    ports = Ports(**given)
    taken: dict[int, str] = {}
    for field in fields(Ports):
        port = getattr(ports, field.name)
        if port in taken:
            raise PortError(
                f"Port {port} is given to two services: "
                f"change {variable(taken[port])} or {variable(field.name)}."
            )
        taken[port] = field.name
    return ports


def free_ports() -> Ports:
    """Ports nobody listens on now, for tests beside somebody's own cluster."""
    return Ports(*any_free_ports(len(fields(Ports))))


def any_free_ports(count: int) -> list[int]:
    """So many ports nobody listens on now, and that no other process is given by this function.

    They are below those that systems give to outgoing connections: a port of theirs that is free
    now may be one's own side of a connection when a service comes to listen on it.
    """
    found: list[int] = []
    while len(found) < count:
        if not _CLAIMED:
            _CLAIMED.extend(_claimed_block())
        port = _CLAIMED.pop()
        if is_free(port):
            found.append(port)
    return found


_RANGE, _BLOCK = range(20_000, 32_000), 40
_CLAIMED: list[int] = []
_LOCKS: list[IO[bytes]] = []
"""Held open, and so locked, as long as this process lives."""


def _claimed_block() -> list[int]:
    """The ports of a block that no other process holds."""
    blocks = list(range(0, len(_RANGE), _BLOCK))
    random.SystemRandom().shuffle(blocks)
    for block in blocks:
        name = f"moment-ports-{os.getuid()}-{_RANGE[block]}"
        lock = (Path(tempfile.gettempdir()) / name).open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _LOCKS.append(lock)
        return list(_RANGE[block : block + _BLOCK])
    raise PortError(
        f"Expected ports from {_RANGE.start} to {_RANGE.stop} that no process holds, found none: "
        "stop other clusters."
    )


def is_free(port: int) -> bool:
    """Whether a program could listen on a port now; a connection that just closed is no bar."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether a program accepts connections on a port."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((HOST, port)) == 0


def check_free(ports: Ports, *names: str) -> None:
    """Raise PortError for the first named port that another program has."""
    for name in names:
        port = getattr(ports, name)
        if not is_free(port):
            raise PortError(
                f"Port {port} is in use by another program: "
                f"stop it, or set {variable(name)} to a free port."
            )
