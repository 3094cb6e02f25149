"""What `moment verify` reads again, and what it refuses in one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.errors import OptionError
from pipelines.graph import build
from pipelines.keys import KEY_VARIABLE
from pipelines.sources.discover import discover
from pipelines.sources.kafka.settings import KafkaTopic
from pipelines.sources.read_files import ReadFiles
from tests.pipelines.verify.published import streaming


def test_another_pseudonym_key_is_refused(moment_verify, published, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "another key that nobody uses")
    with pytest.raises(
        OptionError,
        match=rf"its ids were made with the pseudonym key \w{{8}}, found the key \w{{8}} here;"
        rf" set {KEY_VARIABLE} to the key of the dataset$",
    ):
        moment_verify(published.dataset, published.input)


def test_a_topic_is_read_once_in_place_of_files(moment_verify, published, monkeypatch, tmp_path):
    asked: list[Any] = []

    def read_once(topics, stream, kafka):
        asked.append((topics, kafka.client))
        return ReadFiles(discover([str(published.input)]))

    (tmp_path / "client").write_text("group.id = us\n")
    monkeypatch.setattr("pipelines.recompute.check_kafka", lambda topics, kafka: None)
    monkeypatch.setattr("pipelines.measure.ReadKafkaOnce", read_once)
    said = moment_verify(
        published.dataset,
        "access_log=kafka://broker:9092/live",
        "--kafka-properties",
        tmp_path / "client",
    )

    assert said.code == 0
    assert asked == [
        ((KafkaTopic("broker:9092", "live", "access_log", "earliest"),), (("group.id", "us"),))
    ]


def test_a_topic_is_read_from_where_the_stream_began_and_with_as_many_shards(
    moment_verify, published, monkeypatch
):
    asked: list[Any] = []

    def read_once(topics, stream, kafka):
        asked.append([topic.start for topic in topics])
        return ReadFiles(discover([str(published.input)]))

    def build_and_note(root, source, sink, rules):
        asked.append(rules.shards)
        build(root, source, sink, rules)

    monkeypatch.setattr("pipelines.recompute.check_kafka", lambda topics, kafka: None)
    monkeypatch.setattr("pipelines.measure.ReadKafkaOnce", read_once)
    monkeypatch.setattr("pipelines.measure.build", build_and_note)
    streaming(published.dataset, None, start="2026-03-02T08:00:00Z", shards=6)

    assert moment_verify(published.dataset, "access_log=kafka://broker:9092/live").code == 0
    assert moment_verify(published.dataset, published.input).code == 0
    assert asked == [["2026-03-02T08:00:00Z"], 6, 6]


def test_what_began_at_the_end_of_a_topic_cannot_be_read_again(moment_verify, published):
    streaming(published.dataset, None, start="latest")

    with pytest.raises(OptionError, match=r"read from the end .* give an archive of what was read"):
        moment_verify(published.dataset, "kafka://broker:9092/live")
    assert moment_verify(published.dataset, published.input).code == 0


def test_a_subscription_is_refused_for_it_gives_nothing_twice(moment_verify, published):
    with pytest.raises(OptionError, match="expected files or topics, found a subscription"):
        moment_verify(published.dataset, "pubsub://projects/ours/subscriptions/live")


def test_input_that_lies_in_the_dataset_is_no_raw_input(moment_verify, published):
    with pytest.raises(OptionError, match="expected raw input elsewhere, found all of it there"):
        moment_verify(published.dataset, published.dataset / "metrics")

    everything = moment_verify(published.dataset, published.dataset.parent)
    assert everything.code == 0


RUNS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no time zone": (lambda run: run | {"time_zone": None}, "'time_zone' .*, found none"),
    "another time zone": (lambda run: run | {"time_zone": "Mars/Olympus"}, "found 'Mars/Olympus'"),
    "another channel": (lambda run: run | {"channels": ["smoke"]}, "channel 'smoke' is not regis"),
    "an epoch in words": (lambda run: run | {"epoch": "first"}, r"'epoch' \(int\) .* found str"),
    "no key": (lambda run: run | {"pseudonym_key_id": None}, "'pseudonym_key_id' .* found none"),
    "a stream that streams perhaps": (
        lambda run: run | {"streaming": "yes"},
        r"'streaming' \(bool\) .* found str",
    ),
    "a stream without its horizon": (
        lambda run: run | {"streaming": True},
        r"'hot_minutes' \(int\) .*, found none",
    ),
    "a stream that began at no time": (
        lambda run: run | {"streaming": True, "hot_minutes": 15, "since": "noon"},
        "expected 'since' as an instant, found 'noon'",
    ),
    "a stream that began at no place": (
        lambda run: run | {"streaming": True, "hot_minutes": 15, "since": "2026-03-02T12:00"},
        "expected 'since' as an instant, found '2026-03-02T12:00'",
    ),
    "a list": (lambda run: [run], "expected a JSON object, found list"),
}


@pytest.mark.parametrize(("change", "told"), RUNS.values(), ids=RUNS)
def test_a_run_that_does_not_say_what_is_needed_is_refused(moment_verify, published, change, told):
    file = published.dataset / "run.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(OptionError, match=told):
        moment_verify(published.dataset, published.input)


BAD = {
    "a day that is none": (["--day", "today"], "--day today: expected a date such as"),
    "a day without figures": (["--day", "2026-04-01"], "--day 2026-04-01: expected figures"),
    "an instant without an offset": (
        ["--through", "2026-03-02T12:00"],
        "expected an instant with its offset",
    ),
    "an instant that is none": (["--through", "noon"], "--through noon: expected an instant"),
    "an instant before everything": (
        ["--through", "2020-01-01T00:00Z"],
        "figures of by 2020-01-01",
    ),
    "a negative limit": (["--limit", "-1"], "--limit -1: expected 0"),
}


@pytest.mark.parametrize(("arguments", "told"), BAD.values(), ids=BAD)
def test_a_bad_option_is_refused_in_one_sentence(moment_verify, published, arguments, told):
    with pytest.raises(OptionError, match=told) as refused:
        moment_verify(published.dataset, published.input, *arguments)

    assert "\n" not in str(refused.value)


def test_a_directory_that_is_no_dataset_is_refused(moment_verify, published, tmp_path):
    with pytest.raises(OptionError, match="expected a dataset of `moment measure`"):
        moment_verify(tmp_path / "nowhere", published.input)

    shutil.rmtree(published.dataset / "metrics")
    with pytest.raises(OptionError, match="expected published figures, found none"):
        moment_verify(published.dataset, published.input)

    folder = published.dataset / "metrics" / "day=2026-03-02"
    folder.mkdir(parents=True)
    (folder / "part-0.parquet").write_text("no Parquet")
    with pytest.raises(OptionError, match="found one that DuckDB cannot read") as refused:
        moment_verify(published.dataset, published.input)
    assert "\n" not in str(refused.value)
