"""The channel of a file is the one that recognises most of its first records."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.sources.discover import discover
from pipelines.sources.formats import FileFailure
from pipelines.sources.read_payloads import read_payloads
from pipelines.sources.recognise import recognise_channel, recognise_record, with_channel
from schemas.channels import registered_channels, segment
from schemas.payload import MAXIMUM_PAYLOAD_BYTES
from tests.pipelines.files.reading import written

CALL = b'{"type":"track","messageId":"m1","event":"Product Viewed"}'


class Other:
    """A channel as far as recognition goes."""

    def __init__(self, recognise, name="other"):
        self.recognise, self.name = recognise, name


def test_the_channel_that_recognises_most_records_is_the_channel():
    channels = {"segment": segment.CHANNEL, "other": Other(lambda record: b"other" in record)}

    assert recognise_channel([CALL, CALL, b"?"], channels) == "segment"
    assert recognise_channel([CALL, b"?", b"?"], channels) is None
    assert recognise_channel([CALL, b"?"], channels) is None
    assert recognise_channel([], channels) is None
    assert recognise_channel([CALL], {}) is None


def test_a_tie_is_no_channel():
    channels = {"one": Other(lambda record: True), "two": Other(lambda record: True)}

    assert recognise_channel([CALL], channels) is None


def test_a_channel_whose_code_raises_has_not_recognised_and_that_is_told_once(caplog):
    def broken(record):
        raise RuntimeError(record)

    channels = {"a": Other(broken, "a"), "segment": segment.CHANNEL}
    assert recognise_channel([CALL, CALL], channels) == "segment"
    assert caplog.messages == ["channel a: its `recognise` raised RuntimeError, which counts as no"]


def test_only_the_first_fifty_records_are_asked():
    assert recognise_channel([CALL] * 50 + [b"?"] * 500, {"segment": segment.CHANNEL}) == "segment"


def channels_of(path):
    """The rows of each batch, or a failure's position, with the channel it is given."""
    (file,) = discover([path])
    return [
        (found.position if isinstance(found, FileFailure) else found.num_rows, channel)
        for found, channel in with_channel(read_payloads(file), file.channel)
    ]


@pytest.mark.parametrize("rows", [1, 7, 501])
def test_the_first_records_are_asked_wherever_row_groups_end(tmp_path, rows):
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"payload": [b"no json"] + [CALL] * 500}), path, row_group_size=rows)
    found = channels_of(path)

    assert sum(count for count, _ in found) == 501
    assert {channel for _, channel in found} == {"segment"}


def test_a_first_record_larger_than_a_batch_does_not_decide_alone(tmp_path):
    content = b"y" * (2 * MAXIMUM_PAYLOAD_BYTES) + b"\n" + (CALL + b"\n") * 99

    assert channels_of(written(tmp_path, "a.ndjson", content)) == [(1, "segment"), (99, "segment")]


def test_fewer_than_fifty_records_are_asked_at_the_end_of_the_file(tmp_path):
    assert channels_of(written(tmp_path, "a.ndjson", CALL + b"\n?\n" + CALL + b"\n")) == [
        (3, "segment")
    ]
    assert channels_of(written(tmp_path, "b.ndjson", b"?\n" + CALL + b"\n")) == [(2, "")]
    assert channels_of(written(tmp_path, "c.ndjson", b"")) == []


def test_failures_keep_their_place_and_have_the_channel_of_the_records_before_them():
    def failure(position):
        return FileFailure(position, "expected a row", b"?")

    batch = pa.record_batch({"payload": [CALL]})
    found = [failure(1), batch, failure(3), batch, failure(5)]

    assert [channel for _, channel in with_channel(iter(found), None)] == [None] + ["segment"] * 4
    assert [item for item, _ in with_channel(iter(found), None)] == found
    assert [channel for _, channel in with_channel(iter(found), "mailjet")] == ["mailjet"] * 5


def test_records_of_many_megabytes_are_not_held_until_there_are_fifty():
    given = []

    def batches():
        for number in range(50):
            given.append(number)
            yield pa.record_batch({"payload": [CALL + b" " * MAXIMUM_PAYLOAD_BYTES]})

    assert next(with_channel(batches(), None))[1] == "segment"
    assert len(given) == 8


def test_a_record_of_a_stream_is_of_the_one_channel_that_recognises_it(monkeypatch):
    assert recognise_record(CALL) == "segment"
    assert recognise_record(b"?") == ""
    monkeypatch.setitem(registered_channels(), "twin", Other(lambda record: True, "twin"))
    assert recognise_record(CALL) == ""
    assert recognise_record(b"?") == "twin"
