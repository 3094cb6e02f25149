"""The simulator: the same options give the same bytes, and its truth agrees with its records."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib import import_module

import crawleruseragents
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipelines.simulator import FILES, Options, Simulation, simulate, tracks, write
from pipelines.simulator.people import BOTS, BROWSERS
from schemas.channels import BUILT_IN
from tests.checks import decode_records
from tests.laws import examples

SMALL = Options(seed=7, people=300, minutes=60)
AFTER = datetime(2026, 3, 17, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def show() -> Simulation:
    return simulate(SMALL)


@pytest.fixture(scope="module")
def sound_show() -> Simulation:
    """The same show with nothing wrong but late arrivals, so that every line is sound JSON."""
    return simulate(replace(SMALL, duplicate_share=0, malformed_share=0, unknown_share=0))


def _documents(show: Simulation, channel: str) -> list[dict]:
    return [json.loads(line) for line in show.records[channel]]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _derived(call: dict) -> datetime:
    queued = _instant(call["sentAt"]) - _instant(call["originalTimestamp"])
    return _instant(call["receivedAt"]) - queued


def test_the_same_options_give_the_same_bytes(tmp_path, show):
    again = simulate(SMALL)

    assert again.records == show.records
    assert again.truth == show.truth
    first, second = write(show, tmp_path / "first"), write(again, tmp_path / "second")
    assert [path.name for path in first] == [*FILES.values(), "truth.json"]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_another_seed_tells_another_story_on_every_channel(show):
    other = simulate(replace(SMALL, seed=8))

    assert [name for name in FILES if other.records[name] == show.records[name]] == []


def test_a_fault_share_changes_nothing_that_is_true_of_the_people(show, sound_show):
    about_records = {"records", "malformed", "unknown_kinds", "exact_duplicates"}
    left, right = show.truth.as_json(), sound_show.truth.as_json()

    assert {k for k in left if left[k] != right[k]} == about_records


def test_every_built_in_channel_is_told_of(show):
    assert set(show.records) == set(BUILT_IN)
    assert [name for name, lines in show.records.items() if not lines] == []


def test_files_hold_the_records_in_the_order_of_arrival(tmp_path, show):
    write(show, tmp_path)
    read = {
        "gz": gzip.decompress,
        "zst": lambda data: zstandard.ZstdDecompressor().decompress(data),
    }

    for channel, name in FILES.items():
        data = read.get(name.rsplit(".", 1)[1], bytes)((tmp_path / name).read_bytes())
        assert data.endswith(b"\n")
        assert data[:-1].split(b"\n") == show.records[channel]
    assert json.loads((tmp_path / "truth.json").read_text()) == show.truth.as_json()


def test_the_default_makes_three_hundred_thousand_records_mostly_heartbeats():
    show = simulate()

    assert 300_000 <= sum(show.truth.records.values()) <= 330_000
    beats = sum(b'"Video Content Playing"' in line for line in show.records["segment"])
    assert beats > 0.8 * sum(show.truth.records.values())
    assert 750 <= sum(map(len, show.records["segment"])) / len(show.records["segment"]) <= 1000


def test_records_are_counted_per_channel(show):
    assert show.truth.records == {name: len(lines) for name, lines in show.records.items()}


def test_duplicates_are_the_same_bytes_again_and_nothing_else_repeats(show):
    repeated = {n: len(lines) - len(set(lines)) for n, lines in show.records.items()}

    assert repeated == show.truth.exact_duplicates
    assert min(repeated.values()) >= 1


def test_without_faults_nothing_repeats(sound_show):
    assert [n for n, lines in sound_show.records.items() if len(lines) != len(set(lines))] == []
    assert set(sound_show.truth.exact_duplicates.values()) == {0}
    assert set(sound_show.truth.malformed.values()) == {0}


@pytest.mark.parametrize("name", BUILT_IN)
def test_exactly_the_malformed_and_the_unknown_are_refused(show, sound_show, name):
    channel = import_module(f"schemas.channels.{name}").CHANNEL
    expected = show.truth.malformed[name] + show.truth.unknown_kinds[name]

    assert decode_records(show.records[name], channel, AFTER).failed.num_rows == expected
    assert expected >= 2
    assert decode_records(sound_show.records[name], channel, AFTER).failed.num_rows == 0


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_line_is_recognised_by_its_own_channel_alone(sound_show, name):
    channels = {n: import_module(f"schemas.channels.{n}").CHANNEL for n in BUILT_IN}
    lines = sound_show.records[name][:50]

    assert {n for n, c in channels.items() for line in lines if c.recognise(line)} == {name}


def test_late_records_come_after_younger_ones(sound_show):
    stamps = [_instant(event["time"]) for event in _documents(sound_show, "cloudevents")]
    newest, behind = stamps[0], 0
    for stamp in stamps:
        newest = max(newest, stamp)
        behind += newest - stamp > timedelta(minutes=1)

    # Some of the late come when nothing younger is there to overtake them.
    assert 0 < behind <= sound_show.truth.late["cloudevents"]


def test_viewers_of_each_minute_are_those_the_derived_times_say(sound_show):
    people = defaultdict(set)
    watched = 0
    for call in _documents(sound_show, "segment"):
        context = call["context"]
        allowed = context.get("consent", {"categoryPreferences": {"Analytics": True}})
        if call.get("event") != "Video Content Playing" or context["userAgent"] in BOTS:
            continue
        if allowed["categoryPreferences"]["Analytics"]:
            minute = int((_derived(call) - SMALL.start).total_seconds() // 60)
            people[minute].add(call["userId"] or call["anonymousId"])
            watched += 10_000
    for event in _documents(sound_show, "cloudevents"):
        if event["type"] == "com.moment.tv.audience.v1":
            minute = int((_instant(event["time"]) - SMALL.start).total_seconds() // 60)
            people[minute].add(event["data"]["panelist_id"])
            watched += 60_000

    assert [len(people[m]) for m in range(60)] == sound_show.truth.viewers_by_minute
    assert set(people) <= set(range(60))
    assert watched == sound_show.truth.watched_ms


def test_some_device_clocks_are_wrong_by_a_constant(sound_show):
    errors = defaultdict(set)
    for call in _documents(sound_show, "segment"):
        error = _instant(call["originalTimestamp"]) - _derived(call)
        errors[call["anonymousId"]].add(round(error.total_seconds()))

    # Transit takes up to 400 ms and rounds to nothing, or to a second's edge.
    assert all(max(found) - min(found) <= 1 for found in errors.values())
    wrong = sum(abs(max(found)) > 30 for found in errors.values())
    assert 0.05 < wrong / len(errors) < 0.2


def test_the_likes_left_standing_are_given_less_withdrawn(sound_show):
    balance = Counter()
    for event in _documents(sound_show, "cloudevents"):
        sign = {"given": 1, "withdrawn": -1}.get(event["type"].split(".")[-2], 0)
        if event["type"].startswith("com.moment.reaction."):
            balance[event["data"]["user_id"], event["data"]["reaction"]] += sign
    standing = Counter(reaction for (_, reaction), count in balance.items() if count)

    assert set(balance.values()) <= {0, 1}
    assert standing == sound_show.truth.reactions_standing
    assert sound_show.truth.likes == standing["like"]
    assert all(count > 0 for count in sound_show.truth.reactions_standing.values())


def test_the_latest_permitted_answer_of_a_respondent_counts(sound_show):
    latest = {}
    for response in sorted(_documents(sound_show, "survey"), key=lambda r: r["submitted_at"]):
        if response["consent"]["analytics"]:
            values = {answer["type"]: answer["value"] for answer in response["answers"]}
            latest[response["respondent"]["user_id"]] = values
    satisfied = {user for user, values in latest.items() if values["csat"] >= 4}

    assert len(_documents(sound_show, "survey")) > len(latest)
    assert sound_show.truth.satisfied_people == len(satisfied)
    for scale in ("csat", "nps", "ces"):
        counts = Counter(str(values[scale]) for values in latest.values())
        assert {k: v for k, v in getattr(sound_show.truth, scale).items() if v} == counts


def test_comments_standing_are_those_posted_and_not_deleted(sound_show):
    kinds = Counter(event["type"] for event in _documents(sound_show, "cloudevents"))
    chat = Counter(m["snippet"]["type"] for m in _documents(sound_show, "youtube_chat"))
    app = kinds["com.moment.comment.posted.v1"] - kinds["com.moment.comment.deleted.v1"]
    texts = chat["textMessageEvent"] - chat["messageDeletedEvent"]

    assert sound_show.truth.comments_standing == {
        "cloudevents": app,
        "youtube_chat": texts,
        "total": app + texts,
    }
    assert kinds["com.moment.comment.edited.v1"] > 0
    assert kinds["com.moment.comment.deleted.v1"] > 0
    assert chat["messageDeletedEvent"] > 0
    assert chat["superChatEvent"] > 0


def test_orders_cancelled_do_not_stand(sound_show):
    cents = {}
    for call in _documents(sound_show, "segment"):
        consent = call["context"].get("consent", {"categoryPreferences": {"Analytics": True}})
        if not consent["categoryPreferences"]["Analytics"]:
            continue
        if call.get("event") == "Order Completed":
            cents.setdefault(call["properties"]["order_id"], call["properties"]["revenue"])
        elif call.get("event") == "Order Cancelled":
            cents[call["properties"]["order_id"]] = None
    standing = [revenue for revenue in cents.values() if revenue is not None]

    assert len(standing) == sound_show.truth.orders_standing < len(cents)
    assert f"{sum(standing):.2f}" == sound_show.truth.revenue_standing


def test_nobody_is_present_only_by_what_they_took_back(sound_show):
    for channel, deletion in (("cloudevents", ".deleted."), ("youtube_chat", "messageDeleted")):
        posted, deleted = {}, set()
        for document in _documents(sound_show, channel):
            if channel == "cloudevents" and ".comment." in document["type"]:
                key, who = document["data"]["comment_id"], document["data"]["user_id"]
                if deletion in document["type"]:
                    deleted.add(key)
                else:
                    posted[key] = who
            elif channel == "youtube_chat":
                snippet = document["snippet"]
                if snippet["type"].startswith(deletion):
                    deleted.add(snippet["messageDeletedDetails"]["deletedMessageId"])
                else:
                    posted[document["id"]] = snippet["authorChannelId"]
        standing = {who for key, who in posted.items() if key not in deleted}

        assert deleted
        assert set(posted.values()) == standing


def test_the_chat_is_about_eight_times_busier_after_the_moment(sound_show):
    truth = sound_show.truth
    minutes = Counter(
        int((_instant(m["snippet"]["publishedAt"]) - SMALL.start).total_seconds() // 60)
        for m in _documents(sound_show, "youtube_chat")
    )
    burst = range(truth.burst_minute, truth.burst_minute + truth.burst_minutes)
    busy = sum(minutes[m] for m in burst) / len(burst)
    quiet = sum(minutes[m] for m in range(60) if m not in burst) / (60 - len(burst))

    assert 6 < busy / quiet < 10


def test_reactions_of_boredom_rise_in_the_middle(sound_show):
    share = {}
    for part, (low, high) in {"begin": (0, 20), "middle": (32, 42)}.items():
        given = Counter(
            event["data"]["reaction"]
            for event in _documents(sound_show, "cloudevents")
            if event["type"] == "com.moment.reaction.given.v1"
            and low <= (_instant(event["time"]) - SMALL.start).total_seconds() / 60 < high
        )
        share[part] = given["bored"] / sum(given.values())

    assert share["middle"] > 2 * share["begin"]


def test_some_satisfied_people_were_bored(show):
    truth = show.truth

    assert truth.satisfied_and_bored_people > 0
    assert truth.satisfied_and_bored_people < min(truth.satisfied_people, truth.bored_people)


def test_bots_present_themselves_as_published_crawlers_and_people_do_not():
    assert all(crawleruseragents.is_crawler(agent) for agent in BOTS)
    assert not any(crawleruseragents.is_crawler(agent) for agent in BROWSERS)


@given(seed=st.integers(0, 2**32), people=st.integers(20, 60), minutes=st.integers(10, 20))
@examples(15)
def test_any_truth_is_consistent(seed, people, minutes):
    truth = simulate(Options(seed=seed, people=people, minutes=minutes)).truth

    for reach in (truth.reach_gross, truth.reach_valid):
        parts = [count for name, count in reach.items() if name != "total"]
        assert max(parts) <= reach["total"] <= sum(parts)
        assert min(parts) > 0
    assert all(truth.reach_valid[name] <= truth.reach_gross[name] for name in truth.reach_valid)
    assert truth.reach_valid["segment"] < truth.reach_gross["segment"] <= people
    assert truth.reach_gross["segment"] + truth.withheld_people == people
    assert len(truth.viewers_by_minute) == len(truth.viewers_by_minute_gross) == minutes
    for valid, gross in zip(truth.viewers_by_minute, truth.viewers_by_minute_gross):
        assert 0 <= valid <= gross <= truth.reach_gross["total"]
    assert truth.watched_ms <= truth.watched_ms_gross
    assert truth.watched_ms >= 10_000 * sum(truth.viewers_by_minute)
    answers = {sum(getattr(truth, scale).values()) for scale in ("csat", "nps", "ces")}
    assert answers == {truth.reach_valid["survey"]}
    assert truth.csat["4"] + truth.csat["5"] == truth.satisfied_people
    assert truth.withheld_people >= 2
    assert min(truth.withheld_records.values()) > 0
    assert min(truth.exact_duplicates.values()) >= 1
    assert min(truth.malformed.values()) >= 1
    assert min(truth.late.values()) >= 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"people": 3}, "people: expected at least 20 to play every part, found 3"),
        ({"minutes": 5}, "minutes: expected a show of at least 10, found 5"),
        ({"seed": -1}, "seed: expected 0 or more, found -1"),
        ({"late_share": 2.0}, "late_share: expected a share from 0 to 0.5, found 2.0"),
        (
            {"start": datetime(2026, 3, 14, 20, 30)},
            "start: expected a time with an offset, found one without",
        ),
    ],
)
def test_impossible_options_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(ValueError) as refusal:
        Options(**options)

    assert str(refusal.value) == sentence


def test_tracks_are_whole_lines_of_about_eight_hundred_bytes_in_the_order_of_time():
    blocks = list(tracks(count=25_000, people=1_000, contents=50, seed=3))
    calls = [json.loads(line) for block in blocks for line in block.splitlines()]
    created = [_instant(call["originalTimestamp"]) for call in calls]

    assert [block.count(b"\n") for block in blocks] == [10_000, 10_000, 5_000]
    assert all(block.endswith(b"\n") for block in blocks)
    assert 750 < sum(map(len, blocks)) / 25_000 < 850
    assert created == sorted(created)
    assert timedelta(minutes=119) < created[-1] - created[0] < timedelta(hours=2)
    assert len({call["messageId"] for call in calls}) == 25_000
    assert len({call["anonymousId"] for call in calls}) == 1_000


def test_tracks_decode_without_failure():
    lines = next(tracks(count=500, people=20, contents=5, seed=3)).splitlines()
    channel = import_module("schemas.channels.segment").CHANNEL
    result = decode_records(lines, channel, AFTER)

    assert (result.decoded, result.failed.num_rows) == (500, 0)


def test_tracks_keep_to_the_shares_asked_for():
    blocks = tracks(
        count=20_000, people=5_000, contents=10, seed=1, text_share=0.25, heavy_actor_share=0.5
    )
    calls = [json.loads(line) for block in blocks for line in block.splitlines()]
    names = Counter(call["event"] for call in calls)
    contents = Counter(call["properties"]["content_asset_id"] for call in calls)
    heaviest = Counter(call["anonymousId"] for call in calls).most_common(1)[0][1]

    assert set(names) == {"Video Content Playing", "Product Reviewed"}
    assert 0.23 < names["Product Reviewed"] / 20_000 < 0.27
    assert all(
        c["properties"].get("review_body") for c in calls if c["event"] != "Video Content Playing"
    )
    assert 0.48 < heaviest / 20_000 < 0.52
    # Zipf over ten contents: the first has 1 / 2.929 of the events, the second half of that.
    assert 0.32 < contents["live-0"] / 20_000 < 0.36
    assert 0.16 < contents["live-1"] / 20_000 < 0.18


def test_tracks_of_one_seed_are_the_same_bytes():
    assert list(tracks(300, 10, 3, seed=9)) == list(tracks(300, 10, 3, seed=9))
    assert list(tracks(300, 10, 3, seed=9)) != list(tracks(300, 10, 3, seed=10))
    with pytest.raises(ValueError, match="expected count, people and contents of 1 or more"):
        next(tracks(0, 10, 3, seed=9))
