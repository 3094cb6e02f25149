"""Which slot of Flink reads a partition, a puller, a file: computed as Flink computes it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone

import pytest
from apache_beam.coders import registry
from hypothesis import given
from hypothesis import strategies as st

from pipelines.flink_keys import key_group_of_coded
from pipelines.flink_slots import Slots, salt_of
from pipelines.sources.files import InputFile
from pipelines.sources.kafka.partitions import spread
from pipelines.sources.kafka.settings import KafkaTopic, Partition
from pipelines.sources.kafka.source import FindPartitions, KafkaSettings
from pipelines.sources.pubsub.pullers import PULLER, number_of, pullers_of
from pipelines.sources.pubsub.settings import Subscription
from pipelines.sources.replay_elements import Replayed, ReplayedCoder, replayed_files
from pipelines.sources.replay_plan import PlannedFile, ReplayPlan
from pipelines.sources.replay_reader import Pace

TWO, SIXTEEN = Slots(2, 128), Slots(16, 128)
LIVE = KafkaTopic("kafka:9092", "live", "segment")


def slot(coded: bytes, slots: Slots) -> int:
    group = key_group_of_coded(coded, slots.max_parallelism)
    return group * slots.parallelism // slots.max_parallelism


def slot_of(element: Partition, slots: Slots) -> int:
    return slot(registry.get_coder(Partition).encode(element), slots)


def partitions(count: int, slots: Slots | None, first: int = 0) -> list[Partition]:
    return [spread(Partition(LIVE, number, 0), first, slots) for number in range(count)]


def test_places_go_round_the_slots_and_part_on_twice_as_many():
    groups = [TWO.key_group(place) for place in range(8)]

    assert groups == [0, 64, 32, 96, 16, 80, 48, 112]
    assert [group * 4 // 128 for group in groups] == [0, 2, 1, 3, 0, 2, 1, 3]


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([200, 256, 32_768]))
def test_of_any_number_of_places_no_slot_has_more_than_one_above_another(places, width, groups):
    slots = Slots(width, groups)
    held = Counter(slots.key_group(place) * width // groups for place in range(places))

    counts = [held[slot] for slot in range(width)]
    assert max(counts) - min(counts) <= 1


def test_four_partitions_are_two_on_each_of_two_slots():
    found = partitions(4, TWO)

    assert [slot_of(partition, TWO) for partition in found] == [0, 1, 0, 1]
    assert [slot_of(partition, Slots(4, 128)) for partition in found] == [0, 2, 1, 3]


def test_sixty_four_partitions_are_four_on_each_of_sixteen_slots_and_by_chance_up_to_seven():
    def busiest(found: list[Partition]) -> int:
        return max(Counter(slot_of(partition, SIXTEEN) for partition in found).values())

    assert busiest(partitions(64, SIXTEEN)) == 4
    assert busiest(partitions(64, None)) == 7


def test_partitions_found_later_go_on_round_the_slots():
    later = [spread(Partition(LIVE, number, 0, since=5), 0, TWO) for number in (4, 5, 6)]

    assert [slot_of(partition, TWO) for partition in later] == [0, 1, 0]


def test_four_topics_of_a_partition_each_begin_at_four_slots_and_one_of_a_savepoint_at_the_first():
    topics = [KafkaTopic("kafka:9092", name) for name in "abcd"]
    finding = FindPartitions(KafkaSettings(), topics, SIXTEEN)

    assert [finding.first_place(topic) for topic in topics] == [0, 4, 8, 12]
    assert finding.first_place(LIVE) == 0
    assert FindPartitions(KafkaSettings(), topics).first_place(topics[3]) == 0


def test_but_for_its_salt_a_partition_stays_what_it_was():
    plain = Partition(LIVE, 3, 17, None, 5, "M1QxZbW3T_aeqOnhcvfcfA")
    salted = spread(plain, 0, SIXTEEN)
    coder = registry.get_coder(Partition)

    assert coder.decode(coder.encode(salted)) == salted
    assert salted.salt > 0
    assert spread(plain, 0, None) == plain


def test_two_pullers_are_on_two_slots_and_four_of_two_subscriptions_on_four():
    subscriptions = [
        Subscription("projects/example/subscriptions/web", None),
        Subscription("projects/example/subscriptions/app", "segment"),
    ]
    coder = registry.get_coder(PULLER)

    def slots_of(given: list[Subscription], slots: Slots) -> list[int]:
        return [slot(coder.encode(puller), slots) for puller in pullers_of(given, slots)]

    assert slots_of(subscriptions[:1], TWO) == [0, 1]
    assert slots_of(subscriptions, Slots(4, 128)) == [0, 1, 2, 3]


def test_a_puller_keeps_its_number_whatever_its_salt():
    subscription = Subscription("projects/example/subscriptions/web", "segment", pullers=3)
    plain, salted = pullers_of([subscription], None), pullers_of([subscription], SIXTEEN)

    assert plain == [(subscription.path, "segment", number) for number in (1, 2, 3)]
    assert [number_of(puller) for puller in salted] == [1, 2, 3]
    assert salted != plain


def test_the_files_of_a_replay_go_round_the_slots():
    arrived = datetime(2026, 3, 1, 20, tzinfo=timezone.utc)
    planned = [
        PlannedFile(InputFile(f"/logs/{n}.log", "log", None, "access_log", 10, arrived), 5)
        for n in range(4)
    ]
    pace = Pace(0, 10, 1_772_395_200.25, float("inf"))
    files = replayed_files(ReplayPlan(tuple(planned), 0, 10), pace, TWO)
    coder = registry.get_coder(Replayed)

    assert isinstance(coder, ReplayedCoder)
    assert [slot(coder.encode(file), TWO) for file in files] == [0, 1, 0, 1]
    assert [coder.decode(coder.encode(file)) for file in files] == files
    assert [file.planned for file in files] == planned


def test_off_flink_nothing_has_a_salt():
    assert salt_of(3, lambda salt: pytest.fail("nobody asks"), None) == 0
