"""The emulator as an account of Terraform meets BigQuery: what it has no right to is refused.

Both ways to it, REST and Storage Write, pass through servers that find out what each call needs.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from pipelines.sinks.bigquery.destination import REST_VARIABLE, WRITE_VARIABLE, Destination
from tests.e2e.forbidding import refusing
from tests.terraform.rights import Need, needs_of_request, needs_of_write, rights


@dataclass
class Asked:
    """What an account asked for: what that needed, and what of it it had no right to."""

    who: str
    to: Destination
    address: str = ""
    write_address: str = ""
    needed: set[Need] = field(default_factory=set)
    refused: set[Need] = field(default_factory=set)

    @property
    def variables(self) -> dict[str, str]:
        return {REST_VARIABLE: self.address, WRITE_VARIABLE: self.write_address}

    def by_permission(self) -> dict[str, set[str]]:
        return {p: {r for each, r in self.needed if each == p} for p, _ in self.needed}

    def refusal(self, needs: set[Need]) -> str | None:
        self.needed |= needs
        lacking = needs - rights(self.who)
        self.refused |= lacking
        return ", ".join(f"{permission} on {what}" for permission, what in sorted(lacking)) or None


@contextmanager
def permitting(to: Destination, who: str) -> Iterator[Asked]:
    """Servers before the emulator of `to` that let through what `who` of Terraform's may do."""
    asked = Asked(who, to)
    assert to.rest_emulator
    assert to.write_emulator

    def refusal(method: str, path: str, body: bytes) -> str | None:
        return asked.refusal(needs_of_request(method, path, body, to))

    channel = grpc.insecure_channel(to.write_emulator, options=_UNBOUNDED)
    server = grpc.server(
        ThreadPoolExecutor(32), handlers=[_PassingOn(asked, channel)], options=_UNBOUNDED
    )
    asked.write_address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        with refusing(to.rest_emulator, refusal) as asked.address:
            yield asked
    finally:
        server.stop(0)
        channel.close()


_UNBOUNDED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@dataclass
class _PassingOn(grpc.GenericRpcHandler):
    """Storage Write: what a call is about stands in its routing header."""

    asked: Asked
    channel: grpc.Channel

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        told = dict(details.invocation_metadata)["x-goog-request-params"]
        ((_, resource),) = urllib.parse.parse_qsl(told)
        sent = (("x-goog-request-params", told),)

        def permit(context: grpc.ServicerContext) -> None:
            denied = self.asked.refusal(needs_of_write(resource, self.asked.to))
            if denied is not None:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, denied)

        def one(request: bytes, context: grpc.ServicerContext) -> Any:
            permit(context)
            try:
                return self.channel.unary_unary(details.method)(request, metadata=sent)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())

        def many(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
            permit(context)
            call = self.channel.stream_stream(details.method)
            yield from call(_until_left(requests), metadata=sent)

        if details.method.endswith("/AppendRows"):
            return grpc.stream_stream_rpc_method_handler(many)
        return grpc.unary_unary_rpc_method_handler(one)


def _until_left(requests: Iterator[bytes]) -> Iterator[bytes]:
    """Who has all replies leaves the connection as it is."""
    try:
        yield from requests
    except grpc.RpcError:
        return
