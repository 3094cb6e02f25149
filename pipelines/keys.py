"""Pseudonym keys of a run: from the environment, else from a key file of this user."""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from pathlib import Path

from pipelines.errors import OptionError
from transforms.protect import PseudonymKeys

KEY_VARIABLE = "MOMENT_PSEUDONYM_KEY"
LEAST_BYTES = 16


def pseudonym_keys() -> PseudonymKeys:
    """Keys from MOMENT_PSEUDONYM_KEY, else from a key file, made when it is not there.

    The file makes runs on one machine agree; production gives the variable from its secret store.
    Raises OptionError where neither gives a key long enough.
    """
    secret = os.environ.get(KEY_VARIABLE, "").encode()
    if secret and len(secret) < LEAST_BYTES:
        raise OptionError(
            f"{KEY_VARIABLE}: expected at least {LEAST_BYTES} bytes, found {len(secret)}"
        )
    secret = secret or _local_key()

    def derived(purpose: bytes) -> bytes:
        return blake2b(secret, digest_size=32, person=purpose).digest()

    return PseudonymKeys(
        actor=derived(b"moment.actorkey"),
        routing=derived(b"moment.routekey"),
        key_id=derived(b"moment.keyid").hex()[:8],
    )


def _local_key() -> bytes:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    path = Path(home, "moment", "pseudonym.key")
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes().strip()
    except OSError as error:
        raise OptionError(
            f"{path}: expected to keep a pseudonym key there, found {error.strerror};"
            f" set {KEY_VARIABLE} instead"
        ) from error
    if len(key) < LEAST_BYTES:
        raise OptionError(
            f"{path}: expected a key of at least {LEAST_BYTES} bytes, found {len(key)};"
            " remove it to have another made, under which everybody is somebody new"
        )
    return key


def _make(path: Path) -> None:
    """Written beside and linked: of two runs that begin at once, both read the same whole key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(beside, path)
        except FileExistsError:
            return
    finally:
        beside.unlink()
