"""Files of a test, and what reading them gives."""

from pipelines.sources.compression import windows
from pipelines.sources.discover import discover
from pipelines.sources.formats import FileFailure, read_lines
from pipelines.sources.read_payloads import read_payloads
from schemas.payload import MAXIMUM_PAYLOAD_BYTES, PAYLOAD

LINES = b'{"id":1}\n{"id":2}\n{"id":3}\n'
RECORDS = [(1, b'{"id":1}'), (2, b'{"id":2}'), (3, b'{"id":3}')]


def written(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def read(path, **limits):
    """(position, payload) of every record, and the failures."""
    (file,) = discover([path])
    records, failures = [], []
    for found in read_payloads(file, **limits):
        if isinstance(found, FileFailure):
            failures.append(found)
        else:
            assert found.schema.equals(PAYLOAD)
            found.validate(full=True)
            records += zip(found["position"].to_pylist(), found["payload"].to_pylist())
    return records, failures


def lines_of(blocks, maximum=MAXIMUM_PAYLOAD_BYTES):
    return [
        pair
        for found in read_lines(windows(blocks), maximum)
        for pair in zip(found.positions.to_pylist(), found.payloads.to_pylist())
    ]
