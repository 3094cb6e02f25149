"""What is said of a bucket before a job starts, by what the service answers to an upload begun."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from pipelines.storage import StorageError
from pipelines.storage_check import check_writable
from tests.web_server import QuietHandler, serving


@dataclass
class Store:
    """Answers each upload that is begun with a code, and tells what was asked of it."""

    address: str = ""
    code: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    held = Store()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            held.asked.append(self.path)
            self.body()
            self.answer(held.code, b"{}", Location="http://127.0.0.1/session")

    with serving(Handler) as place:
        held.address = f"http://{place}"
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", held.address)
        yield held


def test_an_upload_is_begun_and_left(store):
    check_writable("gs://live/raw", "--archive")

    assert [path.partition("?")[0] for path in store.asked] == ["/upload/storage/v1/b/live/o"]
    assert "uploadType=resumable" in store.asked[0]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (404, "expected the bucket live, found none: make it, or correct the name"),
        (403, "expected the right to make objects in the bucket live, found 403: grant this account"
              " Storage Object Creator on it"),
        (401, "expected Google Cloud credentials, found InvalidOperation: run `gcloud auth application-"
              "default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file"),
        (400, "expected Cloud Storage to answer, found BadRequest: check the network"),
    ],
)  # fmt: skip
def test_what_is_refused_is_one_sentence(store, code, sentence):
    store.code = code

    with pytest.raises(StorageError) as refused:
        check_writable("gs://live/raw", "--archive")

    host = store.address
    assert str(refused.value) == (
        f"--archive gs://live/raw: {sentence} (STORAGE_EMULATOR_HOST is {host})"
    )
