"""Clients of Pub/Sub, what their errors mean, and a check before anything starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pipelines.errors import OptionError
from pipelines.sources.pubsub.settings import Subscription

_NO_LIBRARY = (
    "expected the package google-cloud-pubsub to read from Pub/Sub, found none: "
    "install moment-pipeline[gcp]."
)
_ADVICE = {
    "NotFound": "there is no such subscription: create it, or correct its path",
    "PermissionDenied": "this account may not read it: grant it the roles Pub/Sub Subscriber and "
    "Pub/Sub Viewer on the subscription",
    "Unauthenticated": "the credentials are not accepted: renew them",
    "InvalidArgument": "the request is refused as invalid: check the path of the subscription",
    "FailedPrecondition": "the subscription cannot be pulled in the state it is in: look at it "
    "with `gcloud pubsub subscriptions describe`",
}
"""By the name of the error's class. What these say is not mended by trying again at once."""


def subscriber_client(emulator: str | None) -> Any:
    """A SubscriberClient of the service, or of an emulator at host:port.

    Raises OptionError for a missing package and missing credentials.
    """
    try:
        from google.auth.exceptions import GoogleAuthError
        from google.pubsub_v1 import SubscriberClient
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
    except ImportError:
        raise OptionError(_NO_LIBRARY) from None
    if emulator:
        import grpc

        options = [("grpc.max_receive_message_length", -1)]
        channel = grpc.insecure_channel(emulator, options=options)
        return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
    try:
        return SubscriberClient()
    except GoogleAuthError as error:
        raise OptionError(_no_credentials(error)) from error


def call_errors() -> tuple[type[Exception], ...]:
    """What a call of a client raises where the service, the network or the account is at fault."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError

    return GoogleAPICallError, RetryError, GoogleAuthError


def is_refusal(error: Exception) -> bool:
    """Whether the broker answered, and said no."""
    return type(error).__name__ in _ADVICE


def is_timeout(error: Exception) -> bool:
    """Whether the time given to a call ran out."""
    return type(error).__name__ == "DeadlineExceeded"


def explain(error: Exception, path: str, where: str) -> str:
    """One sentence: what was expected of which subscription, what was found, what to do."""
    name = type(error).__name__
    if name in ("DefaultCredentialsError", "RefreshError"):
        return _no_credentials(error)
    advice = _ADVICE.get(name)
    if advice is None:
        advice = f"{where} does not answer: check the network, the endpoint and the service"
    return f"expected to read the Pub/Sub subscription {path}, found {name}: {advice}."


def endpoint(emulator: str | None) -> str:
    """Who is asked, for a sentence."""
    return f"the emulator at {emulator}" if emulator else "Pub/Sub"


def check_pubsub(
    subscriptions: Sequence[Subscription],
    seconds: float = 10.0,
    emulator: str | None = None,
    idle_after_seconds: float | None = None,
) -> None:
    """Return where each subscription can be found and pulled. Raises OptionError.

    Also where its acknowledgement deadline is longer than `idle_after_seconds`: what a worker held
    that has crashed would be back when its silence counts as idle already.

    A service that does not answer is asked again until `seconds` have passed. Reading a
    subscription's settings needs the role Pub/Sub Viewer. Whether the account may also pull is
    found out by the first pull only: a pull here would take messages away from the job.
    """
    if not subscriptions:
        raise OptionError("expected at least one Pub/Sub subscription, found none: name one.")
    paths = [subscription.path for subscription in subscriptions]
    for path in paths:
        if paths.count(path) > 1:
            raise OptionError(
                f"expected each Pub/Sub subscription once, found {path} {paths.count(path)} "
                "times: give it more pullers instead."
            )
    client = subscriber_client(emulator)
    until = time.monotonic() + seconds
    for path in paths:
        found = _settings(client, path, until, emulator)
        if found.push_config.push_endpoint or found.bigquery_config.table:
            raise OptionError(
                f"expected a pull subscription, found that {path} delivers by itself: create "
                "one of the delivery type pull."
            )
        if found.detached:
            raise OptionError(
                f"expected {path} to be attached to its topic, found it detached: create "
                "another subscription."
            )
        deadline = found.ack_deadline_seconds
        if idle_after_seconds is not None and deadline > idle_after_seconds:
            raise OptionError(
                f"expected an acknowledgement deadline of {path} of at most --idle-after "
                f"{idle_after_seconds:g}, found {deadline} s: shorten it, or raise --idle-after."
            )


def _settings(client: Any, path: str, until: float, emulator: str | None) -> Any:
    pause = 0.1
    while True:
        left = max(0.5, min(5.0, until - time.monotonic()))
        try:
            return client.get_subscription(subscription=path, timeout=left, retry=None)
        except call_errors() as error:
            if is_refusal(error) or time.monotonic() + pause > until:
                raise OptionError(explain(error, path, endpoint(emulator))) from error
        time.sleep(pause)
        pause = min(pause * 2, 2.0)


def _no_credentials(error: Exception) -> str:
    return (
        f"expected Google Cloud credentials to read from Pub/Sub, found {type(error).__name__}: "
        "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a "
        "key file."
    )
