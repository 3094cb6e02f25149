"""Google's Secret Manager, from which the launcher of a template and its workers read the key."""

from __future__ import annotations

from pipelines.errors import OptionError


def read_secret(name: str) -> str:
    """The text of a version of a secret. Raises OptionError where it cannot be read, or used."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import secretmanager

    try:
        client = secretmanager.SecretManagerServiceClient()
        content = client.access_secret_version(name=name).payload.data
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise OptionError(
            f"--pseudonym_key_secret {name}: expected a version that this account may read, found"
            f" {type(error).__name__}; grant it Secret Manager Secret Accessor on the secret"
        ) from error
    text = content.decode("utf-8", errors="replace")
    if "�" in text or "\0" in text:
        raise OptionError(f"--pseudonym_key_secret {name}: expected text, found other bytes")
    return str(text)
