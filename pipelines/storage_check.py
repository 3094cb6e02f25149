"""May a bucket be written? Asked before anything starts, the answer one sentence."""

from __future__ import annotations

import os

from pipelines.storage import EMULATOR_VARIABLE, StorageError, bucket_of, emulator_words

SECONDS = 10
"""How long an answer is waited for."""


def check_writable(place: str, option: str) -> None:
    """Return where objects may be made below gs://BUCKET/PREFIX. Raises StorageError.

    An upload is begun and left: the store refuses who may not make the object, and without its last
    byte there never is one. No right to list, read or delete is needed for it.
    """
    try:
        from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, Unauthorized
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.storage import Client
        from google.cloud.storage.retry import DEFAULT_RETRY
    except ImportError:
        raise StorageError(
            f"{option} {place}: expected the package google-cloud-storage, found none: install"
            " moment-pipeline[gcp]"
        ) from None
    bucket, prefix = bucket_of(place)
    credentials = AnonymousCredentials() if os.environ.get(EMULATOR_VARIABLE) else None
    try:
        # No project is needed to write into a bucket, and not every account tells one.
        blob = (
            Client("none", credentials=credentials)
            .bucket(bucket)
            .blob(f"{prefix}/.moment".lstrip("/"))
        )
        retry = DEFAULT_RETRY.with_timeout(SECONDS)
        blob.create_resumable_upload_session(timeout=SECONDS, retry=retry)
    except NotFound:
        found = f"expected the bucket {bucket}, found none: make it, or correct the name"
    except (Forbidden, Unauthorized) as error:
        found = (
            f"expected the right to make objects in the bucket {bucket}, found"
            f" {int(error.code)}: grant this account Storage Object Creator on it"
        )
    except GoogleAuthError as error:
        found = (
            f"expected Google Cloud credentials, found {type(error).__name__}: run `gcloud auth"
            " application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file"
        )
    except (GoogleAPIError, OSError) as error:
        found = f"expected Cloud Storage to answer, found {type(error).__name__}: check the network"
    else:
        return
    raise StorageError(f"{option} {place}: {found}{emulator_words()}")
