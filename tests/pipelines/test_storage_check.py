"""What is said of a bucket before a job starts, by what the service answers to an upload begun."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipelines.storage import StorageError
from pipelines.storage_check import check_writable


class _Store(ThreadingHTTPServer):
    """Answers each upload that is begun with a code, and tells what was asked of it."""

    code = 200
    asked: list[str]


class _Answer(BaseHTTPRequestHandler):
    server: _Store

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.code)
        self.send_header("Location", "http://127.0.0.1/session")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal of the tests."""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Store]:
    with _Store(("127.0.0.1", 0), _Answer) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()


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

    host = f"http://127.0.0.1:{store.server_port}"
    assert str(refused.value) == (
        f"--archive gs://live/raw: {sentence} (STORAGE_EMULATOR_HOST is {host})"
    )
