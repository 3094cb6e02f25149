from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.cli import main
from schemas.channels import BUILT_IN, registered_channels
from tests.checks import decode_records, readable_events

FIXTURES = Path(__file__).parents[2] / "fixtures"


def lines_of(name: str) -> list[bytes]:
    (fixture,) = FIXTURES.glob(f"{name}.*")
    return fixture.read_bytes().splitlines()


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_channel_recognises_every_record_of_its_own(name: str) -> None:
    recognise = registered_channels()[name].recognise

    assert [line for line in lines_of(name) if not recognise(line)] == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_channel_recognises_no_record_of_another(name: str) -> None:
    recognise = registered_channels()[name].recognise
    others = [other for other in BUILT_IN if other != name]
    taken = [(other, line) for other in others for line in lines_of(other) if recognise(line)]

    assert taken == []


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("noise", [b"", b" ", b"{}", b"[]", b"null", b"\xff\xfe\x00", b"hello"])
def test_no_channel_recognises_noise(name: str, noise: bytes) -> None:
    assert not registered_channels()[name].recognise(noise)


def test_channels_go_by_their_own_names_in_order() -> None:
    channels = registered_channels()

    assert tuple(channels)[: len(BUILT_IN)] == BUILT_IN
    assert [channel.name for channel in channels.values()] == list(channels)


KIOSK = """
import msgspec
from schemas.channel import Channel, Kind

class Press(msgspec.Struct):
    id: str
    button: str

def fill(presses, sheet):
    sheet.put("kind", [press.button for press in presses])
    sheet.put("source_event_id", [press.id for press in presses])

CHANNEL = Channel(
    name="{name}",
    title="Smiley terminal",
    document="Kiosk manual 2",
    media_type="owned",
    provenance="partner",
    kinds=(Kind("happy", "like"), Kind("unhappy", "dislike"), Kind("test", ignored="a rehearsal")),
    parse=msgspec.json.Decoder(Press).decode,
    fill=fill,
    recognise=lambda payload: b'"button"' in payload,
    kind_path="$.button",
)
"""


def install(site: Path, module: str, source: str, entry: str) -> None:
    """A distribution as an installer leaves it: a module and its metadata."""
    (site / f"{module}.py").write_text(source)
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[moment.channels]\n{entry}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory on the path, with the registry's memory emptied before and after."""
    monkeypatch.syspath_prepend(str(tmp_path))
    registered_channels.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    registered_channels.cache_clear()


def test_a_third_party_adds_a_channel_by_an_entry_point(site: Path) -> None:
    module = "moment_kiosk_added"
    install(site, module, KIOSK.replace("{name}", "kiosk"), f"kiosk = {module}:CHANNEL")
    kiosk = registered_channels()["kiosk"]
    result = decode_records(
        [b'{"id": "1", "button": "happy"}', b'{"id": "2", "button": "test"}', b'{"id": "3"}'],
        kiosk,
    )
    (event,) = readable_events(result.events)

    assert (event["event_type"], event["action"]) == ("kiosk.happy", "like")
    assert dict(result.ignored) == {"kiosk.test": 1}
    assert [(f["reason"], f["path"]) for f in result.failed.to_pylist()] == [
        ("missing_field", "$.button")
    ]


def test_third_parties_come_after_ours_in_the_order_of_their_names(site: Path) -> None:
    for name in ("zebra", "aardvark"):
        module = f"moment_kiosk_{name}"
        install(site, module, KIOSK.replace("{name}", name), f"{name} = {module}:CHANNEL")

    assert tuple(registered_channels())[len(BUILT_IN) :] == ("aardvark", "zebra")


def test_a_third_party_may_not_take_a_name_that_is_taken(site: Path) -> None:
    module = "moment_kiosk_taken"
    install(site, module, KIOSK.replace("{name}", "segment"), f"kiosk = {module}:CHANNEL")

    with pytest.raises(
        ValueError, match="kiosk = moment_kiosk_taken:CHANNEL: channel 'segment' exists already"
    ):
        registered_channels()


def test_an_entry_point_must_be_a_channel(site: Path) -> None:
    install(site, "moment_kiosk_wrong", "CHANNEL = 42\n", "kiosk = moment_kiosk_wrong:CHANNEL")

    with pytest.raises(ValueError, match=r"expected a schemas\.channel\.Channel, found int"):
        registered_channels()


def test_an_entry_point_that_cannot_be_imported_is_named_with_the_kind_of_its_error(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(
        site, "moment_kiosk_torn", "import no_such_module\n", "kiosk = moment_kiosk_torn:CHANNEL"
    )

    assert main(["channels"]) == 2
    assert capsys.readouterr().err == (
        "moment: entry point kiosk = moment_kiosk_torn:CHANNEL: expected to import it, found"
        " ModuleNotFoundError; mend or uninstall the package that brings it\n"
    )
