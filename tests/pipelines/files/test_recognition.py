"""The channel of a file is the one that recognises most of its first records."""

from pipelines.sources.recognise import recognise_channel, recognise_record
from schemas.channels import registered_channels, segment

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


def test_a_record_of_a_stream_is_of_the_one_channel_that_recognises_it(monkeypatch):
    assert recognise_record(CALL) == "segment"
    assert recognise_record(b"?") == ""
    monkeypatch.setitem(registered_channels(), "twin", Other(lambda record: True, "twin"))
    assert recognise_record(CALL) == ""
    assert recognise_record(b"?") == "twin"
