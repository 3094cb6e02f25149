"""The key of pseudonyms: where it comes from, and that nobody sees it."""

from __future__ import annotations

import json
import re

import pytest

from pipelines.keys import KEY_VARIABLE
from pipelines.options import MeasureOptions
from tests.conftest import KEY
from tests.pipelines.cli.said import MAILJET, SURVEY, Said, tree


def test_a_short_key_is_refused_and_not_shown(moment, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "tooshort")

    assert moment("measure", MAILJET, "--output", "out") == Said(
        2, "", "moment: MOMENT_PSEUDONYM_KEY: expected at least 16 bytes, found 8\n"
    )
    assert tree(tmp_path) == set()


def test_without_the_variable_a_key_file_is_made_once_for_its_owner_alone(
    moment, tmp_path, monkeypatch
):
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    moment("measure", MAILJET, "--output", "first")
    moment("measure", MAILJET, "--output", "second")
    path = tmp_path / "config" / "moment" / "pseudonym.key"
    first, second = (
        json.loads((tmp_path / name / "run.json").read_text())["pseudonym_key_id"]
        for name in ("first", "second")
    )

    assert re.fullmatch("[0-9a-f]{64}", path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["pseudonym.key"]
    assert first == second


def test_a_key_file_that_cannot_be_made_is_one_sentence(moment, tmp_path, monkeypatch):
    (tmp_path / "config").write_text("a file")
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    said = moment("measure", MAILJET, "--output", "out")

    assert said == Said(
        2,
        "",
        f"moment: {tmp_path}/config/moment/pseudonym.key: expected to keep a pseudonym key there,"
        " found Not a directory; set MOMENT_PSEUDONYM_KEY instead\n",
    )


def test_a_key_file_that_is_too_short_is_named(moment, tmp_path, monkeypatch):
    (tmp_path / "config" / "moment").mkdir(parents=True)
    (tmp_path / "config" / "moment" / "pseudonym.key").write_text("tooshort")
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    said = moment("measure", MAILJET, "--output", "out")

    assert said == Said(
        2,
        "",
        f"moment: {tmp_path}/config/moment/pseudonym.key: expected a key of at least 16 bytes,"
        " found 8; remove it to have another made, under which everybody is somebody new\n",
    )


def test_no_command_prints_or_writes_the_key(moment, tmp_path):
    said = [
        moment("measure", MAILJET, SURVEY, "--output", "out"),
        moment("check", MAILJET),
        moment("report", "out"),
        moment("measure", "--help"),
        moment("measure", "nowhere", "--output", "other"),
    ]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]

    assert not any(KEY in text for each in said for text in (each.out, each.err))
    assert not any(KEY.encode() in content for content in written)


def test_the_options_shown_in_a_traceback_hide_the_keys(monkeypatch, moment):
    seen: list[MeasureOptions] = []
    monkeypatch.setattr("pipelines.measure.measure", seen.append)
    with pytest.raises(AttributeError):  # print_summary of nothing
        moment("measure", MAILJET, "--output", "out")
    keys = seen[0].rules.keys

    assert repr(keys) == f"PseudonymKeys(key_id={keys.key_id!r})"
    assert repr(keys.actor)[2:-1] not in repr(seen)
