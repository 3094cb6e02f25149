"""What is asked of a broker once, by a client of its own."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from pipelines.sources.kafka.client import KafkaTrouble
from pipelines.sources.kafka.identity import topic_id
from pipelines.sources.kafka.settings import KafkaSettings, KafkaTopic

NOBODY_LISTENS = KafkaTopic("127.0.0.1:1", "tracks")


def test_a_client_that_got_no_answer_is_gone_before_anybody_looks_for_garbage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[weakref.ref[AdminClient]] = []
    describe = AdminClient.describe_topics

    def watched(client: AdminClient, *given: Any, **options: Any) -> Any:
        asked.append(weakref.ref(client))
        return describe(client, *given, **options)

    monkeypatch.setattr(AdminClient, "describe_topics", watched)
    gc.disable()
    try:
        with pytest.raises(KafkaTrouble, match="Timed out"):
            topic_id(NOBODY_LISTENS, KafkaSettings(), seconds=0.2)
        assert [client() for client in asked] == [None]
    finally:
        gc.enable()
