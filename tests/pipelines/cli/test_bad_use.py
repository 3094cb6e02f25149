"""Bad use is told in one sentence, with code 2, before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.cli.said import COMMANDS, FIXTURES, MAILJET, Said, tree

CHANNELS = (
    "access_log, segment, youtube_chat, social_listening, mailjet, iterable, customerio,"
    " survey, cloudevents"
)
OF_OLD = "old/balance/day=2026-03-02/part-0123456789abcdef0123456789abcdef.parquet"
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
        "moment: --output mine: --replace replaces a dataset only, found 'thesis.txt', which is not"
        " of one; move it, or give another directory",
    ),
    "replace-of-a-folder-that-is-called-as-a-table": (
        ["measure", MAILJET, "--output", "raw", "--replace"],
        "moment: --output raw: --replace replaces a dataset only, found 'events/2026-03.ndjson',"
        " which is not of one; move it, or give another directory",
    ),
    "replace-of-a-day-with-another-file": (
        ["measure", MAILJET, "--output", "days", "--replace"],
        "moment: --output days: --replace replaces a dataset only, found"
        " 'archive/day=2026-03-02/contract.pdf', which is not of one; move it, or give another"
        " directory",
    ),
    "demo-where-another-has-native-events": (
        ["demo", "--output", "live"],
        "moment: --output live: expected a new directory or an earlier demo, found"
        " native/export.ndjson, which no demo wrote; move it, or give another directory",
    ),
    "output-is-a-link-to-nothing": (
        ["measure", MAILJET, "--output", "gone/out"],
        "moment: --output gone/out: expected a directory, found the link gone, which leads nowhere",
    ),
    "archive-is-a-link-to-itself": (
        ["measure", MAILJET, "--output", "out", "--archive", "loop"],
        "moment: --archive loop: expected a directory, found the link loop, which leads nowhere",
    ),
    "output-too-long": (
        ["measure", MAILJET, "--output", "o" * 300],
        f"moment: --output {'o' * 300}: expected a path of this machine, found: File name too long",
    ),
    "brand-not-in-utf-8": (
        ["measure", MAILJET, "--output", "out", "--brand", "b\udcff"],
        "moment: b\\xff: expected an argument in UTF-8; rename what it names",
    ),
    "path-missing-after-the-channel": (
        ["measure", "mailjet=", "--output", "out"],
        "moment: mailjet=: expected a file after the =, as in mailjet=FILE",
    ),
    "inputs-all-of-the-output": (
        ["measure", "old", "--output", "old", "--replace"],
        "moment: --output old: expected inputs elsewhere, found all of them in it",
    ),
    "input-of-the-output-beside-another": (
        ["measure", MAILJET, OF_OLD, "--output", "old", "--replace"],
        f"moment: --output old: expected inputs elsewhere, found {OF_OLD} in it; move it, or give"
        " another directory",
    ),
    "output-below-a-file": (
        ["measure", MAILJET, "--output", "mine/thesis.txt/out"],
        "moment: --output mine/thesis.txt/out: expected a directory, found the file"
        " mine/thesis.txt",
    ),
    "option-mistyped": (
        ["measure", MAILJET, "--output", "out", "--shrads", "4"],
        "moment: --shrads: expected an option of `moment measure --help` or of Apache Beam; did you"
        " mean --shards?",
    ),
    "input-behind-the-options": (
        ["measure", MAILJET, "--output", "out", "web.log"],
        "moment: web.log: expected an option of `moment measure --help` or of Apache Beam",
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
    "simulation-into-an-address": (
        ["simulate", "--output", "gs://bucket/live"],
        "moment: --output gs://bucket/live: expected a directory of this machine, found an address",
    ),
    "simulation-into-nothing": (
        ["simulate", "--output", ""],
        "moment: --output: expected a directory, found none",
    ),
    "demo-into-an-address": (
        ["demo", "--output", "bigquery://project/dataset"],
        "moment: --output bigquery://project/dataset: expected a directory of this machine, found an"
        " address",
    ),
    "report-into-an-address": (
        ["report", "whole", "--html", "gs://bucket/page.html"],
        "moment: --html gs://bucket/page.html: expected a file of this machine, found an address",
    ),
    "report-into-nothing": (
        ["report", "whole", "--html", ""],
        "moment: --html: expected a file, found none",
    ),
    "output-an-address": (
        ["measure", MAILJET, "--output", "kafka://localhost:9092/live"],
        "moment: --output kafka://localhost:9092/live: expected a directory of this machine, found an"
        " address",
    ),
    "output-nothing": (
        ["measure", MAILJET, "--output", ""],
        "moment: --output: expected a directory, found none",
    ),
    "hot-minutes-of-a-file": (
        ["measure", MAILJET, "--output", "out", "--hot-minutes", "60"],
        "moment: --hot-minutes: expected with unbounded input only (a broker, or --speed); leave it"
        " out",
    ),
    "fact-minutes-of-a-file": (
        ["measure", MAILJET, "--output", "out", "--fact-minutes", "60"],
        "moment: --fact-minutes: expected with unbounded input only (a broker, or --speed); leave it"
        " out",
    ),
    "allowance-of-a-file": (
        ["measure", MAILJET, "--output", "out", "--allowance", "60"],
        "moment: --allowance: expected with unbounded input only (a broker, or --speed); leave it"
        " out",
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
    for name, content in {
        OF_OLD: b"PAR1",
        "raw/events/2026-03.ndjson": b"{}",
        "days/archive/day=2026-03-02/contract.pdf": b"%PDF",
        "live/native/export.ndjson": b"{}",
        "live/native/truth.json": b'{\n "content_id": "live-42"\n}',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "strange.ndjson").write_text('{"colour": "blue"}\n' * 3)
    for name, run in {
        "cut": '{"time_zone": "Eur',
        "bare": "{}",
        "whole": '{"time_zone": "UTC"}',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(run)
    before = tree(tmp_path)

    assert moment(*arguments) == Said(2, "", sentence + "\n")
    assert tree(tmp_path) == before


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
    assert tree(tmp_path) == set()


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
    (tmp_path / "demo" / "native" / "truth.json").write_text('{\n "content_id": "live-42"\n}')
    said = moment("demo", "--people", "3")

    assert said == Said(
        2, "", "moment: --people: expected at least 20 to play every part, found 3\n"
    )
    assert tree(tmp_path) == {"demo", "demo/native", "demo/native/truth.json"}
