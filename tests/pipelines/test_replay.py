"""Replay: when records arrived, when they are due, and what a restart or the end changes."""

import json
import os
from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.pvalue import TaggedOutput
from apache_beam.runners.sdf_utils import RestrictionTrackerView, ThreadsafeRestrictionTracker
from apache_beam.utils.timestamp import Duration, Timestamp
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources import replay
from pipelines.sources.discover import discover
from pipelines.sources.replay import Replay
from pipelines.sources.replay_arrivals import arrivals
from pipelines.sources.replay_plan import plan_replay
from pipelines.sources.replay_range import ReplayRange, ReplayTracker
from pipelines.sources.replay_reader import Pace, ReplayReader, watermark_of
from pipelines.sources.streaming import StreamSettings
from schemas.channels import registered_channels
from schemas.payload import PAYLOAD
from schemas.source_status import SOURCE_STATUS
from tests.checks import payloads_of

CHANNELS = registered_channels()
CHANGED = datetime(2026, 3, 14, 12, 0, tzinfo=timezone.utc)
"""When the files of these tests were last changed."""
SECOND = 1_000_000


def at(text):
    """20:00:05 of the evening before the files were changed, in µs."""
    return int(datetime.fromisoformat(f"2026-03-13T{text}+00:00").timestamp()) * SECOND


def mail(text, **more):
    """A Mailjet event stamped by its server at that time of the evening."""
    event = {"event": "open", "time": at(text) // SECOND, "Message_GUID": "m-1"}
    return json.dumps({**event, "mj_contact_id": 1, **more})


def clocks(times):
    return [None if time is None else f"{time:%H:%M:%S}" for time in times.to_pylist()]


def arrived(records, channel, before=None):
    batch = payloads_of([record.encode() for record in records], channel, CHANGED)
    return clocks(arrivals(batch, CHANNELS[channel], before))


def file_of(folder, *lines, name="mailjet.ndjson"):
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    os.utime(path, (CHANGED.timestamp(), CHANGED.timestamp()))
    (file,) = discover([str(path)])
    return file


# When a record arrived


def test_a_record_arrived_when_its_vendor_says_it_was_received():
    call = {
        "type": "page",
        "messageId": "ajs-1",
        "anonymousId": "a-1",
        "originalTimestamp": "2026-03-13T20:00:00Z",
        "sentAt": "2026-03-13T20:00:01Z",
        "receivedAt": "2026-03-13T20:00:05Z",
    }

    assert arrived([json.dumps(call)], "segment") == ["20:00:05"]


def test_a_record_without_a_receipt_arrived_at_the_time_of_its_event():
    assert arrived([mail("20:00:05")], "mailjet") == ["20:00:05"]


def test_a_container_arrived_with_the_latest_of_its_events():
    events = f"[{mail('20:00:05')},{mail('20:00:09')},{mail('20:00:07')}]"

    assert arrived([events], "mailjet") == ["20:00:09"]


def test_failed_and_ignored_records_arrived_with_the_greatest_before_them():
    line = '192.0.2.1 - - [13/Mar/2026:%s +0000] "GET %s HTTP/1.1" 200 9 "-" "Mozilla/5.0"'
    records = [
        line % ("20:00:05", "/live"),
        line % ("20:00:03", "/live"),
        line % ("21:00:00", "/style.css"),
        "192.0.2.1 - - [13/Mar/20",
    ]

    assert arrived(records, "access_log") == ["20:00:05", "20:00:03", "20:00:05", "20:00:05"]


def test_nothing_is_known_before_the_first_known_arrival_of_a_file():
    records = ["{", mail("20:00:05"), "{"]

    assert arrived(records, "mailjet") == [None, "20:00:05", "20:00:05"]
    assert arrived(records, "mailjet", at("20:00:01")) == ["20:00:01", "20:00:05", "20:00:05"]
    assert arrived(records, "mailjet", at("20:00:08")) == ["20:00:08", "20:00:05", "20:00:08"]


def test_a_clock_in_2099_moves_nothing():
    records = [mail("20:00:05"), mail("20:00:05", time=4_070_908_800), mail("20:00:06")]

    assert arrived(records, "mailjet") == ["20:00:05", "20:00:05", "20:00:06"]


def test_an_empty_batch_has_no_arrivals():
    assert arrived([], "mailjet") == []


# The plan


def test_the_plan_knows_channel_count_first_and_last_arrival_of_all_files(tmp_path):
    first = file_of(tmp_path, mail("20:00:05"), "{", mail("20:00:04"), name="a.ndjson")
    second = file_of(
        tmp_path, mail("20:00:07"), mail("20:09:00"), mail("20:01:00"), name="b.ndjson"
    )

    plan = plan_replay([first, second])

    assert [(p.file.channel, p.records) for p in plan.files] == [("mailjet", 3), ("mailjet", 3)]
    assert (plan.origin, plan.end) == (at("20:00:04"), at("20:09:00"))


def test_one_clock_of_1990_does_not_make_the_replay_wait_for_years(tmp_path):
    lines = [mail("20:00:05") for _ in range(200)]
    lines[7] = mail("20:00:05", time=631_152_000)

    assert plan_replay([file_of(tmp_path, *lines)]).origin == at("20:00:05")


def test_a_file_that_nobody_recognises_is_replayed_at_the_origin_of_the_others(tmp_path):
    unknown = file_of(tmp_path, '{"a":1}', '{"b":2}', name="unknown.ndjson")
    known = file_of(tmp_path, mail("20:00:05"), mail("20:00:09"))
    plan = plan_replay([unknown, known])

    found = reader(plan, unknown).peek(now=STARTED)

    assert plan.files[0].file.channel is None
    assert clocks(found.payloads["arrived_time"]) == ["20:00:05", "20:00:05"]


def test_the_first_records_of_a_file_name_its_channel_wherever_row_groups_end(tmp_path):
    path = tmp_path / "mails.parquet"
    records = [b"not JSON", *[mail(f"20:00:{second:02}").encode() for second in range(3)]]
    pq.write_table(pa.table({"payload": pa.array(records)}), path, row_group_size=1)
    (planned,) = plan_replay(discover([str(path)])).files

    assert (planned.file.channel, planned.records) == ("mailjet", 4)


def test_what_a_recorded_file_says_of_arrival_is_believed(tmp_path):
    path = tmp_path / "archive.parquet"
    times = [at("22:00:00"), at("22:00:30")]
    columns = {
        "payload": pa.array([mail("20:00:05").encode(), mail("20:00:06").encode()]),
        "arrived_time": pa.array(times).cast(pa.timestamp("us", "UTC")),
    }
    pq.write_table(pa.table(columns), path)
    plan = plan_replay(discover([str(path)]))

    assert (plan.origin, plan.end) == (times[0], times[1])
    found = reader(plan, plan.files[0].file).peek(now=STARTED + 30)
    assert clocks(found.payloads["arrived_time"]) == ["22:00:00", "22:00:30"]


def test_one_recorded_arrival_of_2099_moves_nothing_and_delays_nobody(tmp_path):
    path = tmp_path / "archive.parquet"
    times = [at("22:00:00") + second * SECOND for second in range(1200)]
    times[600] = 4_070_908_800 * SECOND
    columns = {
        "payload": pa.array([mail("20:00:05").encode()] * 1200),
        "arrived_time": pa.array(times).cast(pa.timestamp("us", "UTC")),
    }
    pq.write_table(pa.table(columns), path)
    plan = plan_replay(discover([str(path)]))
    reading = reader(plan, plan.files[0].file)

    arrived = taken(reading, STARTED + 592)

    assert arrived[599:] == ["22:09:59", "22:09:59", "22:10:01", "22:10:02"]
    assert reading.newest == at("22:10:02")


def test_a_plan_needs_a_file():
    with pytest.raises(ValueError, match="at least one file"):
        plan_replay([])


# The pace


STARTED = 1_800_000_000.0
FILE = [mail(f"20:00:{second:02}") for second in (0, 2, 4, 3, 10)]


def reader(plan, file, speed=1.0, run_on=0, read=0, newest=None, rows=100):
    (planned,) = (p for p in plan.files if p.file.path == file.path)
    pace = Pace(plan.origin, plan.end + run_on * SECOND, STARTED, speed)
    return ReplayReader(planned.file, pace, rows, read, newest)


def taken(reader, now):
    """The arrivals of everything due at a time, taken."""
    times = []
    while (found := reader.peek(now)) is not None:
        times += clocks(found.payloads["arrived_time"])
        reader.take(found)
    return times


def test_a_record_comes_when_its_arrival_is_reached_and_not_before(tmp_path):
    file = file_of(tmp_path, *FILE)
    reading = reader(plan_replay([file]), file)

    assert taken(reading, STARTED) == ["20:00:00"]
    assert taken(reading, STARTED + 1.9) == []
    assert taken(reading, STARTED + 2) == ["20:00:02"]
    assert taken(reading, STARTED + 60) == ["20:00:04", "20:00:03", "20:00:10"]
    assert reading.ended


def test_at_speed_sixty_an_hour_takes_a_minute(tmp_path):
    file = file_of(tmp_path, mail("20:00:00"), mail("20:59:59"), mail("21:00:00"))
    reading = reader(plan_replay([file]), file, speed=60)

    assert taken(reading, STARTED + 59.9) == ["20:00:00"]
    assert taken(reading, STARTED + 60) == ["20:59:59", "21:00:00"]


@pytest.mark.parametrize("speed", [0, float("inf")])
def test_at_speed_zero_or_infinity_everything_is_due_at_once(tmp_path, speed):
    file = file_of(tmp_path, *FILE)

    assert len(taken(reader(plan_replay([file]), file, speed=speed), STARTED)) == 5


def test_an_arrival_that_goes_back_keeps_its_place_in_the_file_and_its_time(tmp_path):
    file = file_of(tmp_path, *FILE)
    reading = reader(plan_replay([file]), file)

    assert taken(reading, STARTED + 3.5) == ["20:00:00", "20:00:02"]
    assert taken(reading, STARTED + 4) == ["20:00:04", "20:00:03"]


def test_a_restart_neither_begins_again_nor_waits_again(tmp_path):
    file = file_of(tmp_path, *FILE)
    plan = plan_replay([file])
    before = reader(plan, file)
    assert taken(before, STARTED + 2) == ["20:00:00", "20:00:02"]

    after = reader(plan, file, read=before.read, newest=before.newest)

    assert taken(after, STARTED + 5) == ["20:00:04", "20:00:03"]


def test_a_speed_below_zero_is_refused(tmp_path):
    plan = plan_replay([file_of(tmp_path, *FILE)])

    for speed in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="speed: expected 0"):
            Replay(plan, speed)


lines = st.lists(st.sampled_from([*FILE, "{", '{"event":"unknown"}']), min_size=1, max_size=12)


@given(lines=lines, cuts=st.lists(st.integers(0, 12), max_size=3), rows=st.integers(1, 5))
def test_wherever_it_is_cut_a_replay_gives_the_same_records_and_arrivals(
    tmp_path_factory, lines, cuts, rows
):
    file = file_of(tmp_path_factory.mktemp("cut"), *lines)
    plan = plan_replay([file])

    def given_by(reading, most=100):
        rows = []
        while len(rows) < most and (found := reading.peek(STARTED + 3_600)) is not None:
            rows += zip(*(column.to_pylist() for column in found.payloads.columns))
            reading.take(found)
        return rows

    whole = given_by(reader(plan, file, rows=100))
    parts, read, newest = [], 0, None
    for most in [*sorted(cuts), 100]:
        reading = reader(plan, file, read=read, newest=newest, rows=rows)
        parts += given_by(reading, most - len(parts))
        read, newest = reading.read, reading.newest

    assert [payload for payload, *_ in whole] == [line.encode() for line in lines]
    assert parts == whole


# The watermark


def watermark(reading, now, **settings):
    micros, basis = watermark_of(reading, StreamSettings(allowance_seconds=1, **settings), now)
    if micros is None:
        return None, basis
    return f"{datetime.fromtimestamp(micros / SECOND, timezone.utc):%H:%M:%S}", basis


def test_the_watermark_is_the_greatest_arrival_less_the_allowance(tmp_path):
    file = file_of(tmp_path, *FILE)
    reading = reader(plan_replay([file]), file)
    taken(reading, STARTED + 4)

    assert watermark(reading, STARTED + 4) == ("20:00:03", "messages")


def test_a_file_without_records_for_the_limit_does_not_hold_the_others(tmp_path):
    file = file_of(tmp_path, mail("20:00:00"), mail("20:10:00"))
    reading = reader(plan_replay([file]), file)
    taken(reading, STARTED)

    assert watermark(reading, STARTED + 30) == ("19:59:59", "held")
    assert watermark(reading, STARTED + 61) == ("20:01:00", "idle")
    assert watermark(reading, STARTED + 61, idle_after_seconds=None) == ("19:59:59", "held")


def test_a_file_that_begins_later_than_the_others_holds_them_no_longer_than_the_limit(tmp_path):
    early = file_of(tmp_path, mail("20:00:00"), name="early.ndjson")
    late = file_of(tmp_path, mail("21:00:00"), name="late.ndjson")
    reading = reader(plan_replay([early, late]), late)

    assert reading.peek(STARTED + 61) is None
    assert watermark(reading, STARTED + 59) == (None, "held")
    assert watermark(reading, STARTED + 61) == ("20:01:00", "idle")


def test_silence_is_stream_time_not_the_clock_s(tmp_path):
    file = file_of(tmp_path, mail("20:00:00"), mail("21:00:00"))
    reading = reader(plan_replay([file]), file, speed=60)
    taken(reading, STARTED)

    assert watermark(reading, STARTED + 2) == ("20:01:59", "idle")


def test_a_file_that_has_ended_goes_on_with_stream_time_as_long_as_told(tmp_path):
    short = file_of(tmp_path, mail("20:00:00"), name="short.ndjson")
    long = file_of(tmp_path, mail("20:00:00"), mail("20:10:00"), name="long.ndjson")
    reading = reader(plan_replay([short, long]), short, run_on=60)
    taken(reading, STARTED)
    taken(reading, STARTED)

    assert watermark(reading, STARTED + 300) == ("20:05:00", "end")
    assert watermark(reading, STARTED + 10_000) == ("20:11:00", "end")


def test_as_fast_as_can_be_a_file_that_has_ended_waits_for_none(tmp_path):
    short = file_of(tmp_path, mail("20:00:00"), name="short.ndjson")
    long = file_of(tmp_path, mail("20:00:00"), mail("20:10:00"), name="long.ndjson")
    reading = reader(plan_replay([short, long]), short, speed=0)
    taken(reading, STARTED)

    assert watermark(reading, STARTED) == ("20:10:00", "end")


# The source, call by call


class Calls:
    """A runner's calls of the DoFn for one file, with Beam's own tracker and estimator."""

    def __init__(self, plan, speed=0.0, **settings):
        source = Replay(plan, speed, StreamSettings(allowance_seconds=1, **settings))
        (self.element,) = source._files
        self.dofn = replay._ReplayFile(source._stream)
        self.left = replay._Whole().initial_restriction(self.element)
        self.watermark = None
        self.pause = None

    def call(self):
        """(output, batch, Beam timestamp) of one call; what it defers is kept for the next."""
        tracker = ThreadsafeRestrictionTracker(ReplayTracker(self.left))
        estimator = ManualWatermarkEstimator(self.watermark)
        outputs = []
        for found in self.dofn.process(self.element, RestrictionTrackerView(tracker), estimator):
            tag = found.tag if isinstance(found, TaggedOutput) else "payloads"
            value = found.value if isinstance(found, TaggedOutput) else found
            outputs.append((tag, value.value, value.timestamp))
        assert tracker.check_done()
        self.left, self.pause = tracker.deferred_status()
        self.watermark = estimator.current_watermark()
        return outputs

    def forget(self):
        """What a process that is killed forgets."""
        replay._OPEN.clear()


def test_the_source_never_ends_and_moves_on_only_after_the_last_records(tmp_path):
    calls = Calls(plan_replay([file_of(tmp_path, *FILE)]))

    (tag, payloads, timestamp), (_, status, _) = calls.call()

    assert (tag, len(payloads), timestamp.micros) == ("payloads", 5, at("20:00:00"))
    assert payloads.schema.equals(PAYLOAD)
    assert payloads.schema.metadata[b"channel"] == b"mailjet"
    assert status.schema.equals(SOURCE_STATUS)
    assert calls.watermark is None
    for _ in range(3):
        assert {tag for tag, *_ in calls.call()} <= {"status"}
        assert calls.watermark.micros == at("20:00:10")
        assert calls.pause > Duration(0.9)


def test_a_killed_process_goes_on_at_the_next_record(tmp_path):
    calls = Calls(plan_replay([file_of(tmp_path, *FILE)]), most_seconds=0, rows_a_batch=2)
    positions = []
    for _ in range(4):
        positions += [
            batch["position"].to_pylist() for tag, batch, _ in calls.call() if tag == "payloads"
        ]
        calls.forget()

    assert positions == [[1, 2], [3, 4], [5]]


def test_a_bundle_that_is_tried_again_gives_the_same(tmp_path):
    calls = Calls(plan_replay([file_of(tmp_path, *FILE)]), most_seconds=0, rows_a_batch=2)
    left = calls.left
    first = calls.call()[0][1]

    calls.left = left

    assert calls.call()[0][1].equals(first)


def test_a_late_record_has_no_beam_timestamp_below_the_watermark(tmp_path):
    file = file_of(tmp_path, mail("20:00:00"), mail("20:30:00"), mail("20:00:01"))
    calls = Calls(plan_replay([file]), most_seconds=0, rows_a_batch=2)
    calls.call()
    assert calls.watermark == Timestamp(micros=at("20:29:59"))

    _, payloads, timestamp = calls.call()[0]

    assert clocks(payloads["arrived_time"]) == ["20:00:01"]
    assert timestamp.micros == at("20:29:59")


def test_what_cannot_be_a_record_is_a_failed_event_and_counted(tmp_path):
    file = file_of(
        tmp_path,
        "event,time,Message_GUID",
        f"open,{at('20:00:05') // SECOND},m-1",
        "open,1,m-2,too,many",
        name="mailjet.csv",
    )
    calls = Calls(plan_replay([file]))

    outputs = {tag: batch for tag, batch, _ in calls.call()}

    assert outputs["failed"].select(["stage", "reason", "position"]).to_pylist() == [
        {"stage": "read", "reason": "wrong_shape", "position": 3}
    ]
    assert sorted(zip(*outputs["counts"].select(["outcome", "count"]).to_pydict().values())) == [
        ("failed", 1),
        ("received", 1),
    ]
    assert outputs["payloads"]["position"].to_pylist() == [2]


def test_the_status_says_how_far_and_on_what_the_watermark_rests(tmp_path):
    calls = Calls(plan_replay([file_of(tmp_path, *FILE)]), most_seconds=0, rows_a_batch=3)

    told = [
        (
            row["basis"],
            row["position"],
            row["behind"],
            row["watermark"] and f"{row['watermark']:%T}",
        )
        for _ in range(6)
        for tag, batch, _ in calls.call()
        if tag == "status"
        for row in batch.to_pylist()
    ]

    assert told == [("messages", 3, 2, "20:00:03"), ("end", 5, 0, "20:00:10")]


def test_a_replay_is_not_shared_out_and_a_checkpoint_leaves_all_that_was_not_claimed():
    tracker = ReplayTracker(ReplayRange(records=10))
    assert tracker.try_claim(ReplayRange(10, read=4, newest=7))
    assert tracker.try_split(0.5) is None

    primary, residual = tracker.try_split(0)

    assert (primary.stopped, residual) == (True, ReplayRange(10, read=4, newest=7))
    assert not tracker.try_claim(ReplayRange(10, read=6, newest=8))
    assert tracker.check_done()


def test_a_replay_that_returns_without_deferring_is_an_error():
    with pytest.raises(ValueError, match="defer what remains"):
        ReplayTracker(ReplayRange(records=10)).check_done()
