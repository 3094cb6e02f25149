"""What both soaks say at their end: the words of `moment verify`, and what the dataset counts."""

from __future__ import annotations

from typing import Any

from deploy.local.services import Services
from tests.e2e.dataset import Dataset


def verified(dataset: Dataset, services: Services, topic: str) -> str:
    """The first words of `moment verify` on a dataset and its topic: `identical: …` where it is."""
    verdict = dataset.verify(f"kafka://{services.kafka}/{topic}")
    return (
        verdict.said.splitlines()[0] if not verdict.code else f"code {verdict.code}: {verdict.said}"
    )


def counts(dataset: Dataset) -> dict[str, Any]:
    """Rows written, written again, late, out of balance, and figures published by table."""
    ((rows,),) = dataset.rows("SELECT count(*) FROM events")
    ((received, counted, duplicate, late),) = dataset.rows(
        "SELECT sum(received)::BIGINT, sum(events - withheld - ignored)::BIGINT,"
        " sum(duplicate)::BIGINT, sum(late)::BIGINT FROM balance_latest"
    )
    ((unbalanced,),) = dataset.rows("SELECT count(*) FROM balance_latest WHERE NOT balanced")
    ((figures,),) = dataset.rows("SELECT count(*) FROM metrics_latest")
    return {
        "received": received,
        "rows": rows,
        "repeated": rows - counted,
        "duplicate": duplicate,
        "late": late,
        "unbalanced": unbalanced,
        "figures": figures,
        "published": dict(dataset.rows("SELECT cause, count(*) FROM metrics GROUP BY 1")),
    }
