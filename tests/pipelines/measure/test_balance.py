"""Nothing lost: what became of every record of a simulated live, and of every fault in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from pipelines.measure import Measured
from pipelines.simulator import BRAND, simulate, write
from schemas.balance import OUTCOMES
from tests.pipelines.dataset import metrics
from tests.pipelines.measure.live import SHOW, Live


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]) -> Live:
    """The same show without duplicates, malformed or unknown records."""
    folder = tmp_path_factory.mktemp("sound")
    simulation = simulate(replace(SHOW, duplicate_share=0, malformed_share=0, unknown_share=0))
    files = [p for p in write(simulation, folder / "native") if p.name != "truth.json"]
    done = measured(files, folder / "dataset", "--brand", BRAND)
    return Live(simulation, files, folder / "dataset", done)


def _balance(live: Live) -> dict[str, dict[str, int]]:
    """Outcomes by channel."""
    sums = ", ".join(f"sum({name})::BIGINT" for name in OUTCOMES)
    rows = live.rows(f"SELECT channel, {sums} FROM balance GROUP BY channel")
    return {channel: dict(zip(OUTCOMES, counts)) for channel, *counts in rows}


def test_the_balance_closes_for_every_file_hour_and_channel(live):
    assert live.measured.unbalanced == []
    assert live.rows("SELECT count(*) FROM balance WHERE NOT balanced") == [(0,)]
    assert live.rows("SELECT count(DISTINCT input) FROM balance") == [(9,)]


def test_every_record_of_every_channel_is_received(live):
    assert {c: b["received"] for c, b in _balance(live).items()} == live.simulation.truth.records


def test_exactly_the_malformed_and_unknown_records_fail(live):
    truth = live.simulation.truth
    expected = {c: truth.malformed[c] + truth.unknown_kinds[c] for c in truth.records}

    assert {c: b["failed"] for c, b in _balance(live).items()} == expected
    assert dict(live.rows("SELECT channel, count(*) FROM failed_events GROUP BY 1")) == expected


def test_unknown_kinds_are_told_from_malformed_records(live):
    found = live.rows(
        "SELECT channel, count(*) FROM failed_events WHERE reason='unknown_kind' GROUP BY 1"
    )
    # An access log has no kinds that a vendor could add; the social export neither.
    expected = {c: n for c, n in live.simulation.truth.unknown_kinds.items() if n}

    assert dict(found) == expected


def test_the_failed_payloads_are_the_records_themselves(live):
    given = Counter(line for lines in live.simulation.records.values() for line in lines)
    failed = Counter(payload for (payload,) in live.rows("SELECT payload FROM failed_events"))

    assert failed - given == Counter()


def test_exact_duplicates_are_found_exactly(live, sound):
    # A copy of a withheld event is withheld, one of an ignored event ignored: both doors are before.
    with_copies, without = _balance(live), _balance(sound)
    events_a_record = {"survey": 4}
    found = {
        channel: sum(
            with_copies[channel][door] - without[channel][door]
            for door in ("duplicate", "withheld", "ignored")
        )
        // events_a_record.get(channel, 1)
        for channel in with_copies
    }

    assert {b["duplicate"] for b in without.values()} == {0}
    assert found == live.simulation.truth.exact_duplicates


def test_what_people_refused_is_withheld_exactly_and_written_nowhere(live, sound):
    withheld = {c: b["withheld"] for c, b in _balance(sound).items() if b["withheld"]}
    truth = live.simulation.truth.withheld_records

    # Four answers a response; the refusal told to the app is withheld like what it refuses.
    assert withheld == {
        "segment": truth["segment"],
        "survey": 4 * truth["survey"],
        "cloudevents": 1,
    }
    assert live.rows("SELECT count(*) FROM events WHERE consent_basis = 'denied'") == [(0,)]


def test_faults_of_transport_change_no_figure(live, sound):
    assert metrics(live.dataset).equals(metrics(sound.dataset))
