from __future__ import annotations

from pipelines.channel_docs import DOCS, REGENERATE, channel_tables, schema_table
from schemas.channels import BUILT_IN, registered_channels
from schemas.event import EVENT


def test_the_documented_channels_are_the_coded_ones() -> None:
    written = (DOCS / "channels.md").read_text(encoding="utf-8")

    assert written == channel_tables(), f"docs/channels.md is out of date: run `{REGENERATE}`"


def test_the_documented_schema_is_the_coded_one() -> None:
    written = (DOCS / "schema.md").read_text(encoding="utf-8")

    assert written == schema_table(), f"docs/schema.md is out of date: run `{REGENERATE}`"


def test_every_kind_of_every_channel_has_its_row() -> None:
    text = channel_tables()
    kinds = [kind for name in BUILT_IN for kind in registered_channels()[name].kinds]

    assert text.count("\n| `") == len(kinds)
    assert (
        "\n| `messageDeletedEvent` | moderate | control | retract | yes | undoes any message |"
        in text
    )
    assert (
        "\n| `track: Video Ad Playing` | ignored |  |  |  |"
        " the start of the advertisement is counted |" in text
    )


def test_every_column_has_its_row_and_bars_do_not_break_the_table() -> None:
    text = schema_table()

    assert all(f"\n| `{name}` | " in text for name in EVENT.names)
    assert "\n| `op` | `string` | yes | insert \\| update \\| retract |\n" in text
