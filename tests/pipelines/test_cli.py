"""The `moment` command: what it prints, what it refuses, and that it refuses before it writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions

from pipelines import cli
from pipelines.keys import KEY_VARIABLE, pseudonym_keys
from pipelines.measure import pipeline_options
from pipelines.metric_docs import DOCUMENT, dictionary_page
from pipelines.options import MeasureOptions
from schemas.channels import registered_channels
from schemas.version import VERSION
from tests.conftest import KEY
from transforms.balance import outcome_batch
from transforms.measures import DICTIONARY

FIXTURES = Path(__file__).parent.parent / "fixtures"
MAILJET = str(FIXTURES / "mailjet.ndjson")
SURVEY = str(FIXTURES / "survey.ndjson")
COMMANDS = ("measure", "verify", "check", "simulate", "demo", "report", "channels", "metrics")


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def moment(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Said]:
    """Runs `moment ARGUMENT...` in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Said:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


def _tree(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


# ── bad use ─────────────────────────────────────────────────────────────────────────────────────

CHANNELS = (
    "access_log, segment, youtube_chat, social_listening, mailjet, iterable, customerio,"
    " survey, cloudevents"
)
BAD_USE = {
    "input-missing": (
        ["measure", "nowhere.ndjson", "--output", "out"],
        "moment: expected a file, directory or pattern, found nothing at nowhere.ndjson: check it.",
    ),
    "input-directory-empty": (
        ["measure", "empty", "--output", "out"],
        "moment: expected files ending in .ndjson, .jsonl, .json, .log, .csv, .tsv, .parquet (or"
        " these with .gz, .zst) in the directory empty, found none: name files of other endings"
        " one by one.",
    ),
    "pattern-without-match": (
        ["measure", "*.parquet", "--output", "out"],
        "moment: expected files that match *.parquet, found none: check the pattern, and quote it"
        " so that the shell leaves it alone.",
    ),
    "channel-of-an-input-unknown": (
        ["measure", f"mailchimp={MAILJET}", "--output", "out"],
        f"moment: mailchimp={MAILJET}: 'mailchimp' is not registered; there are {CHANNELS}",
    ),
    "channel-to-register-unknown": (
        ["measure", MAILJET, "--output", "out", "--channels", "mailjet,mailchimp"],
        f"moment: --channels: 'mailchimp' is not registered; there are {CHANNELS}",
    ),
    "output-not-empty": (
        ["measure", MAILJET, "--output", "mine"],
        "moment: --output mine: not empty; give another directory, or --replace to replace it, or of"
        " a stream --append to go on with it",
    ),
    "replace-of-what-is-no-dataset": (
        ["measure", MAILJET, "--output", "mine", "--replace"],
        "moment: --output mine: --replace replaces a dataset only, found 'thesis.txt' beside it",
    ),
    "path-missing-after-the-channel": (
        ["measure", "mailjet=", "--output", "out"],
        "moment: mailjet=: expected a file after the =, as in mailjet=FILE",
    ),
    "inputs-all-of-the-output": (
        ["measure", "old", "--output", "old", "--replace"],
        "moment: --output old: expected inputs elsewhere, found all of them in it",
    ),
    "output-below-a-file": (
        ["measure", MAILJET, "--output", "mine/thesis.txt/out"],
        "moment: --output mine/thesis.txt/out: expected a directory, found the file"
        " mine/thesis.txt",
    ),
    "option-mistyped": (
        ["measure", MAILJET, "--output", "out", "--shrads", "4"],
        "moment: --shrads: expected an option of `moment measure --help` or of Apache Beam",
    ),
    "option-of-beam-without-its-value": (
        ["measure", MAILJET, "--output", "out", "--job_name"],
        "moment: --job_name: expected one argument",
    ),
    "runner-that-does-not-exist": (
        ["measure", MAILJET, "--output", "out", "--runner=NoSuchRunner"],
        "moment: --runner NoSuchRunner: expected an installed runner of Apache Beam, such as"
        " FlinkRunner; without --runner the job runs in this process",
    ),
    "output-a-file": (
        ["measure", MAILJET, "--output", "mine/thesis.txt"],
        "moment: --output mine/thesis.txt: expected a directory, found a file",
    ),
    "time-zone-unknown": (
        ["measure", MAILJET, "--output", "out", "--time-zone", "Europe/Lutece"],
        "moment: --time-zone Europe/Lutece: expected an IANA name such as Europe/Paris",
    ),
    "time-zone-a-path": (
        ["measure", MAILJET, "--output", "out", "--time-zone", "../../etc/passwd"],
        "moment: --time-zone ../../etc/passwd: expected an IANA name such as Europe/Paris",
    ),
    "shards-none": (
        ["measure", MAILJET, "--output", "out", "--shards", "0"],
        "moment: --shards 0: expected 1 to 1024",
    ),
    "shards-too-many": (
        ["measure", MAILJET, "--output", "out", "--shards", "1025"],
        "moment: --shards 1025: expected 1 to 1024",
    ),
    "epoch-negative": (
        ["measure", MAILJET, "--output", "out", "--epoch", "-1"],
        "moment: --epoch -1: expected 0 to 1000000000000000000",
    ),
    "epoch-of-more-than-64-bits": (
        ["measure", MAILJET, "--output", "out", "--epoch", "99999999999999999999"],
        "moment: --epoch 99999999999999999999: expected 0 to 1000000000000000000",
    ),
    "brand-empty": (
        ["measure", MAILJET, "--output", "out", "--brand", ""],
        "moment: --brand: expected the id of a brand, found none; leave it out",
    ),
    "channels-empty": (
        ["measure", MAILJET, "--output", "out", "--channels", ""],
        "moment: --channels: expected names, comma-separated, found none; there are"
        f" {CHANNELS}",
    ),
    "time-zone-of-python-alone": (
        ["measure", MAILJET, "--output", "out", "--time-zone", "Factory"],
        "moment: --time-zone Factory: expected an IANA name such as Europe/Paris",
    ),
    "file-of-two-channels": (
        ["measure", f"mailjet={MAILJET}", f"survey={MAILJET}", "--output", "out"],
        f"moment: {MAILJET}: expected one channel, found mailjet and survey; name it once",
    ),
    "folder-of-a-day-without-match": (
        ["measure", "day=*/*.ndjson", "--output", "out"],
        f"moment: day=*/*.ndjson: 'day' is not registered; there are {CHANNELS}",
    ),
    "check-of-nothing": (
        ["check", "nowhere.ndjson"],
        "moment: expected a file, directory or pattern, found nothing at nowhere.ndjson: check it.",
    ),
    "check-of-fewer-than-none": (
        ["check", MAILJET, "--limit", "-3"],
        "moment: --limit -3: expected 0 (all) or more",
    ),
    "check-without-a-path-after-the-channel": (
        ["check", "mailjet="],
        "moment: mailjet=: expected a file after the =, as in mailjet=FILE",
    ),
    "check-of-a-channel-that-is-unknown": (
        ["check", f"mailchimp={MAILJET}"],
        f"moment: mailchimp={MAILJET}: 'mailchimp' is not registered; there are {CHANNELS}",
    ),
    "check-of-many": (
        ["check", str(FIXTURES)],
        f"moment: {FIXTURES}: expected one file, found 9",
    ),
    "check-of-what-nobody-recognises": (
        ["check", "strange.ndjson"],
        "moment: strange.ndjson: no channel recognises its records; name one, as in"
        " mailjet=strange.ndjson",
    ),
    "simulation-too-small": (
        ["simulate", "--output", "out", "--people", "3"],
        "moment: --people: expected at least 20 to play every part, found 3",
    ),
    "simulation-too-short": (
        ["simulate", "--output", "out", "--minutes", "9"],
        "moment: --minutes: expected a show of at least 10, found 9",
    ),
    "simulation-of-months": (
        ["simulate", "--output", "out", "--minutes", "100000"],
        "moment: --minutes: expected a show of at most 1440, found 100000",
    ),
    "simulation-below-a-file": (
        ["simulate", "--output", "mine/thesis.txt/out", "--people", "20", "--minutes", "10"],
        "moment: --output mine/thesis.txt/out: expected to write in it, found Not a directory;"
        " name another directory",
    ),
    "simulation-into-something": (
        ["simulate", "--output", "mine"],
        "moment: --output mine: expected a new or empty directory",
    ),
    "demo-into-something": (
        ["demo", "--output", "mine"],
        "moment: --output mine: expected a new directory or an earlier demo",
    ),
    "demo-into-a-file": (
        ["demo", "--output", "mine/thesis.txt"],
        "moment: --output mine/thesis.txt: expected a directory, found a file",
    ),
    "demo-below-a-file": (
        ["demo", "--output", "mine/thesis.txt/out", "--people", "20", "--minutes", "10"],
        "moment: --output mine/thesis.txt/out: expected to write in it, found Not a directory;"
        " name another directory",
    ),
    "verify-of-no-dataset": (
        ["verify", "mine", MAILJET],
        "moment: mine: expected a dataset of `moment measure` (no run.json to read in it)",
    ),
    "verify-with-fewer-figures-than-none": (
        ["verify", "mine", MAILJET, "--limit", "-1"],
        "moment: --limit -1: expected 0 (all) or more",
    ),
    "report-of-no-dataset": (
        ["report", "mine"],
        "moment: mine: expected a dataset of `moment measure` (no run.json in it)",
    ),
    "report-of-a-run-cut-short": (
        ["report", "cut"],
        "moment: cut/run.json: expected JSON as `moment measure` writes it",
    ),
    "report-of-a-run-that-says-nothing": (
        ["report", "bare"],
        "moment: bare/run.json: expected the options of a run, as `moment measure` writes them,"
        " found no time_zone",
    ),
    "report-into-a-directory": (
        ["report", "whole", "--html", "mine"],
        "moment: --html mine: expected a file, found a directory",
    ),
    "report-below-a-file": (
        ["report", "whole", "--html", "mine/thesis.txt/page.html"],
        "moment: mine/thesis.txt/page.html: expected to write the page there, found File"
        " exists; name another file with --html",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "sentence"), BAD_USE.values(), ids=BAD_USE)
def test_bad_use_is_told_in_one_sentence_with_code_2_before_anything_is_written(
    moment, tmp_path, arguments, sentence
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("forty pages")
    (tmp_path / "old" / "balance").mkdir(parents=True)
    (tmp_path / "old" / "balance" / "part.parquet").write_bytes(b"PAR1")
    (tmp_path / "strange.ndjson").write_text('{"colour": "blue"}\n' * 3)
    for name, run in {
        "cut": '{"time_zone": "Eur',
        "bare": "{}",
        "whole": '{"time_zone": "UTC"}',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(run)
    before = _tree(tmp_path)

    assert moment(*arguments) == Said(2, "", sentence + "\n")
    assert _tree(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        ([], "moment: error: the following arguments are required: COMMAND"),
        (["measure", MAILJET], "error: the following arguments are required: --output"),
        (["measure", "--output", "out"], "error: the following arguments are required: INPUT"),
        (
            ["measure", MAILJET, "--output", "out", "--shards", "many"],
            "error: argument --shards: invalid int value: 'many'",
        ),
        (["verify", "mine"], "error: the following arguments are required: INPUT"),
        (["verify", "mine", MAILJET, "--days", "2"], "unrecognised argument --days; see --help"),
        (["report", "mine", "--pdf"], "error: unrecognised argument --pdf; see --help"),
        (["channels", "mailjet"], "error: unrecognised argument mailjet; see --help"),
        (["metrics", "--verbose"], "error: unrecognised argument --verbose; see --help"),
        (
            ["simulate", "--output", "o", "--seeds", "4"],
            "unrecognised argument --seeds; see --help",
        ),
    ],
)
def test_an_option_that_is_missing_unknown_or_no_number_ends_with_its_name(
    moment, tmp_path, arguments, end
):
    said = moment(*arguments)

    assert (said.code, said.out) == (2, "")
    assert said.err.endswith(end + "\n")
    assert _tree(tmp_path) == set()


def test_an_unknown_command_is_told_with_those_there_are(moment):
    said = moment("measur")

    assert said.code == 2
    assert all(command in said.err for command in COMMANDS)


def test_the_output_is_never_read_as_input(moment, tmp_path):
    (tmp_path / "mailjet.ndjson").write_bytes(Path(MAILJET).read_bytes())
    first = moment("measure", ".", "--output", "out")
    again = moment("measure", ".", "--output", "out", "--replace")

    assert first.code == again.code == 0
    assert again.out.splitlines()[:2] == first.out.splitlines()[:2]


def test_a_bad_option_of_demo_leaves_an_earlier_demo(moment, tmp_path):
    (tmp_path / "demo" / "native").mkdir(parents=True)
    (tmp_path / "demo" / "native" / "truth.json").write_text("{}")
    said = moment("demo", "--people", "3")

    assert said == Said(
        2, "", "moment: --people: expected at least 20 to play every part, found 3\n"
    )
    assert _tree(tmp_path) == {"demo", "demo/native", "demo/native/truth.json"}


# ── the key ─────────────────────────────────────────────────────────────────────────────────────


def test_a_short_key_is_refused_and_not_shown(moment, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "tooshort")

    assert moment("measure", MAILJET, "--output", "out") == Said(
        2, "", "moment: MOMENT_PSEUDONYM_KEY: expected at least 16 bytes, found 8\n"
    )
    assert _tree(tmp_path) == set()


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


# ── good use ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_an_example(moment, command):
    said = moment(command, "--help")

    assert said.code == 0
    assert f"example: moment {command}" in " ".join(said.out.split())


@pytest.mark.parametrize("command", ["measure", "verify", "simulate", "demo", "check", "report"])
def test_the_example_in_the_help_is_an_accepted_use(moment, command):
    _, _, example = " ".join(moment(command, "--help").out.split()).partition("example: moment ")
    given, unknown = cli._parser().parse_known_args(example.split())

    assert unknown == []
    assert given.command.__name__ == f"_{command}"


def test_help_of_the_command_itself_names_every_subcommand(moment):
    said = moment("--help")

    assert said.code == 0
    assert [c for c in COMMANDS if not re.search(rf"^    {c} ", said.out, re.M)] == []
    assert moment("--version") == Said(0, f"moment {VERSION}\n", "")


def test_measure_says_the_balance_in_words(moment):
    said = moment("measure", f"mailjet={MAILJET}", SURVEY, "--output", "out")
    lines = said.out.splitlines()

    assert (said.code, said.err) == (0, "")
    assert lines[0] == "20 payloads received = 20 decoded + 0 failed"
    assert lines[1] == ("31 events = 27 accepted + 0 duplicate + 1 withheld + 3 ignored + 0 late")
    assert re.fullmatch(r"[\d,]+ metric rows in \d+\.\d s: out", lines[2])


def test_measure_ends_with_3_and_says_so_where_the_balance_does_not_close(moment, monkeypatch):
    # A protect that forgets to count what it withholds.
    monkeypatch.setattr(
        "transforms.event_steps.count_events",
        lambda withheld, input, outcome: outcome_batch(Counter()),
    )
    said = moment("measure", SURVEY, "--output", "out")

    assert said.code == 3
    assert re.search(rf"^NOT BALANCED: {SURVEY} .* survey: received \d+, ", said.err, re.M)


def test_measure_ends_with_1_and_says_so_where_every_record_failed(moment, tmp_path):
    (tmp_path / "mail.ndjson").write_text('{"event": "levitated"}\n' * 2)
    said = moment("measure", "mailjet=mail.ndjson", "--output", "out")

    assert said.code == 1
    assert said.out.splitlines()[0] == "2 payloads received = 0 decoded + 2 failed"
    assert said.err == (
        "NOTHING DECODED: every payload failed; see failed_events, and `moment check FILE`\n"
    )


def test_folders_of_days_are_a_pattern_and_no_channel(moment, tmp_path):
    (tmp_path / "day=2026-03-02").mkdir()
    (tmp_path / "day=2026-03-02" / "mail.ndjson").write_bytes(Path(MAILJET).read_bytes())
    said = moment("measure", "day=*/*.ndjson", "--output", "out")

    assert said.out.splitlines()[0] == "13 payloads received = 13 decoded + 0 failed"


def test_a_file_named_twice_is_read_once_as_the_channel_that_is_named(moment, tmp_path):
    (tmp_path / "mail").write_bytes(Path(MAILJET).read_bytes())
    said = moment("measure", "./mail", "mailjet=mail", f"{tmp_path}/mail", "--output", "out")

    assert said.out.splitlines()[0] == "13 payloads received = 13 decoded + 0 failed"
    assert json.loads((tmp_path / "out" / "run.json").read_text())["inputs"] == ["./mail"]


def test_a_job_that_breaks_leaves_no_empty_directory(moment, tmp_path, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("a machine that breaks")

    monkeypatch.setattr("pipelines.measure.build", broken)
    with pytest.raises(RuntimeError, match="a machine that breaks"):
        moment("measure", MAILJET, "--output", "out")

    assert _tree(tmp_path) == set()


def test_verify_ends_with_0_where_all_is_identical_with_4_where_not_with_3_out_of_balance(
    moment, tmp_path, monkeypatch
):
    lines = FIXTURES.joinpath("mailjet.ndjson").read_text().splitlines(keepends=True)
    (tmp_path / "mail.ndjson").write_text("".join(lines))
    measured = moment("measure", "mailjet=mail.ndjson", "--output", "out")
    same = moment("verify", "out", "mailjet=mail.ndjson", "--limit", "1")
    # Most of what was published nobody says any more.
    (tmp_path / "mail.ndjson").write_text(lines[0])
    other = moment("verify", "out", "mailjet=mail.ndjson", "--limit", "1")
    # A machine that forgets to say what became of events.
    monkeypatch.setattr("transforms.attend._outcomes", lambda frame, outcome: Counter())
    lost = moment("verify", "out", "mailjet=mail.ndjson", "--limit", "1")

    assert (measured.code, same.code, other.code, lost.code) == (0, 0, 4, 3)
    assert same.out.startswith("identical: ")
    assert other.out.startswith("NOT IDENTICAL: ")
    assert lost.err == "moment: the balance of the recomputation does not close\n"


def test_flags_of_beam_pass_through(moment, monkeypatch):
    seen: list[MeasureOptions] = []
    monkeypatch.setattr("pipelines.measure.measure", seen.append)
    with pytest.raises(AttributeError):  # print_summary of nothing
        moment(
            "measure", MAILJET, "--output", "out", "--job_name=night", "--region", "europe-west1"
        )

    assert seen[0].beam_arguments == ("--job_name=night", "--region", "europe-west1")
    options = pipeline_options(seen[0].beam_arguments).view_as(GoogleCloudOptions)
    assert (options.job_name, options.region) == ("night", "europe-west1")


def test_flags_that_only_a_job_service_knows_pass_to_a_portable_runner(moment, monkeypatch):
    seen: list[MeasureOptions] = []
    monkeypatch.setattr("pipelines.measure.measure", seen.append)
    flags = ("--runner=PortableRunner", "--checkpointing_interval=60000")
    with pytest.raises(AttributeError):  # print_summary of nothing
        moment("measure", MAILJET, "--output", "out", *flags)

    assert seen[0].beam_arguments == flags


def test_check_says_what_each_payload_becomes(moment):
    said = moment("check", f"survey={SURVEY}", "--limit", "1")
    (line, count) = said.out.splitlines()
    place, _, events = line.partition(": ")

    assert said.code == 0
    assert place == f"{SURVEY}:1"
    shown = json.loads(events.split("; ")[0])
    assert {
        name: value
        for name, value in shown.items()
        if name not in ("ingested_time", "event_id", "fact_id", "actor_id")
    } == {
        "source": "survey",
        "source_event_id": "r-100:recommend:completed:2026-03-02T10:00:00.250Z:0",
        "event_type": "survey.answer: nps",
        "op": "insert",
        "revision": 1772445600250000,
        "event_time": "2026-03-02 10:00:00.250000+00:00",
        "time_basis": "true",
        "collected_time": "2026-03-02 10:00:00.250000+00:00",
        "actor_key_id": pseudonym_keys().key_id,
        "actor_basis": "login",
        "actor_kind": "person",
        "action": "rate",
        "action_class": "survey",
        "object_id": "recommend",
        "object_type": "question",
        "parent_id": "s-live",
        "content_id": "evening-live",
        "brand_id": "acme",
        "media_type": "owned",
        "country": "FR",
        "modality": "scale",
        "rating_scale": "nps",
        "rating_value": 9.0,
        "rating_min": 0.0,
        "rating_max": 10.0,
        "ivt_class": "unknown",
        "consent_basis": "granted",
        "consent_reason": "survey.consent.analytics=true",
        "provenance": "first_party",
        "retention_until": "2027-03-02",
    }
    assert re.fullmatch("[0-9a-f]{32}", shown["actor_id"])
    assert '"text": "Un peu long, mais drôle"' in events
    assert count == "7 payloads: 7 decoded, 0 failed"


def test_check_counts_what_measure_counts_also_of_records_that_hold_several(moment):
    checked = moment("check", f"mailjet={MAILJET}").out.splitlines()[-1]
    measured = moment("measure", f"mailjet={MAILJET}", "--output", "out").out.splitlines()[0]

    assert checked == "13 payloads: 13 decoded, 0 failed"
    assert measured == "13 payloads received = 13 decoded + 0 failed"


def test_check_recognises_the_channel_and_tells_of_consent(moment):
    said = moment("check", SURVEY)

    assert said.out.splitlines()[0] == f"{SURVEY}: channel survey"
    assert said.out.splitlines()[2].startswith(f"{SURVEY}:2: withheld: consent is denied; ")


def test_check_tells_reason_and_path_of_what_fails_ends_with_1_and_repeats_no_person(
    moment, tmp_path
):
    lines = [
        b'{"event":"open","time":1772438460,"MessageID":1,"email":"anna@example.com"}',
        b'{"event":"levitated","time":1772438460,"MessageID":2,"email":"anna@example.com"}',
        b'{"event":"open","time":"anna@example.com","MessageID":3,"email":"anna@example.com"}',
        b'{"event":"open","time":1772438460,"Mess',
    ]
    (tmp_path / "webhooks.ndjson").write_bytes(b"\n".join(lines))
    said = moment("check", "mailjet=webhooks.ndjson", "--failed")

    assert said.code == 1
    assert [line.split(": ")[:2] for line in said.out.splitlines()] == [
        ["webhooks.ndjson:2", "FAILED unknown_kind at $.event"],
        ["webhooks.ndjson:3", "FAILED wrong_shape at $.time"],
        ["webhooks.ndjson:4", "FAILED invalid_syntax at $"],
        ["4 payloads", "1 decoded, 3 failed"],
    ]
    assert "anna" not in moment("check", "mailjet=webhooks.ndjson").out


def test_channels_lists_every_channel_with_the_fate_of_every_kind(moment):
    said = moment("channels")
    lines = said.out.splitlines()

    assert said.code == 0
    assert [li.split(":")[0] for li in lines if not li.startswith(" ")] == list(
        registered_channels()
    )
    kinds = sum(len(channel.kinds) for channel in registered_channels().values())
    assert len(lines) == len(registered_channels()) + kinds
    assert "    open: open (insert)" in lines


def test_metrics_prints_the_whole_dictionary(moment):
    said = moment("metrics")

    assert said.code == 0
    assert [p.split(" ")[0] for p in said.out.split("\n\n")] == [m.name for m in DICTIONARY]
    assert "formula      distinct people with an engagement action / reach" in said.out


def test_the_dictionary_in_the_docs_is_the_generated_one():
    assert DOCUMENT.read_text() == dictionary_page()


def test_simulate_measure_and_report_follow_one_another(moment, tmp_path):
    simulated = moment("simulate", "--output", "live", "--people", "30", "--minutes", "10")
    (tmp_path / "live" / "truth.json").unlink()
    measured = moment("measure", "live", "--output", "figures")
    reported = moment("report", "figures", "--html", "page.html")

    assert [said.code for said in (simulated, measured, reported)] == [0, 0, 0]
    assert simulated.out.startswith("live: access_log.log, cloudevents.ndjson.zst, ")
    assert reported.out == "page.html\n"
    assert (tmp_path / "page.html").read_text().startswith("<!DOCTYPE html>")


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "measure", "nowhere", "--output", "out"],
        capture_output=True,
        text=True,
        cwd=FIXTURES.parent.parent,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "moment: expected a file, directory or pattern, found nothing at nowhere: check it.\n"
    )
