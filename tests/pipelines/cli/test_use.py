"""What commands print, and the codes that they end with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions

from pipelines import cli
from pipelines.keys import pseudonym_keys
from pipelines.measure import pipeline_options
from pipelines.metric_docs import DOCUMENT, dictionary_page
from pipelines.options import MeasureOptions
from schemas.channels import registered_channels
from schemas.version import VERSION
from tests.pipelines.cli.said import COMMANDS, FIXTURES, MAILJET, SURVEY, Said, tree
from transforms.balance import outcome_batch
from transforms.measures import DICTIONARY


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
    assert given.command.__name__ == f"run_{command}"


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
    assert re.fullmatch(r"[\d,]+ metric rows in \d+\.\d s, of days in Europe/Paris: out", lines[2])


def test_measure_says_whose_days_it_counts_and_which_those_are_unless_told(moment):
    said = moment("measure", SURVEY, "--output", "out", "--time-zone", "America/New_York")
    told = " ".join(moment("measure", "--help").out.split())

    assert ", of days in America/New_York: out" in said.out
    assert "its hours and days are (default: Europe/Paris)" in told
    assert "of days in Europe/Paris" in " ".join(moment("demo", "--help").out.split())


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

    assert tree(tmp_path) == set()


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
        "source_event_id": "s-live:r-100:recommend:completed:2026-03-02T10:00:00.250Z:0",
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


def test_check_shows_as_many_payloads_as_it_is_told_also_of_rows_that_cannot_be_read(
    moment, tmp_path
):
    rows = [b"name,text,tweet_created", *[b"ragged"] * 500, b"ann,hello,01/06/15 10:00"]
    (tmp_path / "posts.csv").write_bytes(b"\n".join(rows))
    said = moment("check", "social_listening=posts.csv", "--limit", "3")

    assert said.out.splitlines() == [
        "posts.csv:2: FAILED wrong_shape at $: expected 3 cells as in the header, found 1",
        "posts.csv:3: FAILED wrong_shape at $: expected 3 cells as in the header, found 1",
        "posts.csv:4: FAILED wrong_shape at $: expected 3 cells as in the header, found 1",
        "501 payloads: 1 decoded, 500 failed",
    ]
    every = moment("check", "social_listening=posts.csv", "--limit", "0")
    assert len(every.out.splitlines()) == 502


def test_check_and_measure_recognise_a_channel_wherever_row_groups_end(moment, tmp_path):
    answers = Path(SURVEY).read_bytes().splitlines()
    table = pa.table({"payload": [b"no json", *answers]})
    pq.write_table(table, tmp_path / "answers.parquet", row_group_size=1)
    checked = moment("check", "answers.parquet").out.splitlines()
    measured = moment("measure", "answers.parquet", "--output", "out").out.splitlines()

    assert checked[0] == "answers.parquet: channel survey"
    assert checked[-1] == "8 payloads: 7 decoded, 1 failed"
    assert measured[0] == "8 payloads received = 7 decoded + 1 failed"


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
