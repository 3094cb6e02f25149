"""The ports that local services listen on, all of them on this machine's own address."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields

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
    """So many ports nobody listens on now."""
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind((HOST, 0))
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


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
