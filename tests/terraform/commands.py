"""What each command needs of BigQuery, and no more: by permission, on what.

Literal; `tests/e2e/test_rights_on_bigquery.py` runs the commands and finds the same.
"""

from __future__ import annotations

FAILED = "restricted.failed_events"

NEEDS: dict[str, dict[str, set[str]]] = {
    "measure, bounded": {
        "bigquery.jobs.create": {"project"},
        "bigquery.tables.get": {
            *("data.balance", "data.events", "data.metrics", "data.partials", "data.runs", FAILED)
        },
        "bigquery.tables.getData": {"data.balance", "data.metrics"},
        "bigquery.tables.updateData": {
            *("data.balance", "data.events", "data.metrics", "data.partials", "data.runs", FAILED)
        },
    },
    "measure, stream": {
        "bigquery.jobs.create": {"project"},
        "bigquery.tables.get": {
            *("data.balance", "data.events", "data.late_events", "data.metrics"),
            *("data.metrics_live", "data.partials", "data.runs", "data.source_status", FAILED),
        },
        "bigquery.tables.getData": {"data.runs"},
        "bigquery.tables.updateData": {
            *("data.balance", "data.events", "data.late_events", "data.metrics"),
            *("data.metrics_live", "data.partials", "data.runs", "data.source_status", FAILED),
        },
    },
    "verify": {
        "bigquery.jobs.create": {"project"},
        "bigquery.tables.get": {
            *("data.events", "data.late_events", "data.metrics", "data.runs", "data.source_status")
        },
        "bigquery.tables.getData": {
            *("data.events", "data.late_events", "data.metrics", "data.runs")
        },
    },
    "backfill": {
        "bigquery.jobs.create": {"project"},
        "bigquery.tables.get": {
            *("data.backfills", "data.events", "data.late_events", "data.metrics", "data.runs"),
            "data.source_status",
        },
        "bigquery.tables.getData": {
            *("data.backfills", "data.events", "data.late_events", "data.metrics", "data.runs"),
            "data.source_status",
        },
        "bigquery.tables.updateData": {"data.backfills", "data.metrics"},
    },
    "backfill --source": {
        "bigquery.jobs.create": {"project"},
        "bigquery.tables.get": {
            *("data.backfills", "data.balance", "data.decoded_events", "data.events"),
            *("data.late_events", "data.metrics", "data.runs", "data.source_status", FAILED),
        },
        # Whether failed payloads may be read is asked, and the writer may not.
        "bigquery.tables.getData": {
            *("data.backfills", "data.balance", "data.decoded_events", "data.events"),
            *("data.late_events", "data.metrics", "data.runs", FAILED),
        },
        "bigquery.tables.updateData": {
            *("data.backfills", "data.balance", "data.decoded_events", "data.events"),
            *("data.metrics", FAILED),
        },
    },
    "replay": {
        "bigquery.jobs.create": {"project"},
        "bigquery.tables.get": {
            *("data.backfills", "data.events", "data.late_events", "data.metrics", "data.replays"),
            *("data.runs", "data.source_status", FAILED),
        },
        "bigquery.tables.getData": {
            *("data.backfills", "data.events", "data.late_events", "data.metrics", "data.replays"),
            *("data.runs", FAILED),
        },
        "bigquery.tables.updateData": {
            *("data.backfills", "data.events", "data.metrics", "data.replays", FAILED)
        },
    },
    "compact": {
        "bigquery.jobs.create": {"project"},
        "bigquery.tables.get": {
            *("data.backfills", "data.balance", "data.events", "data.late_events", "data.metrics"),
            *("data.partials", "data.runs", "data.source_status"),
        },
        # The same question.
        "bigquery.tables.getData": {
            *("data.backfills", "data.balance", "data.events", "data.late_events", "data.metrics"),
            *("data.partials", "data.runs", FAILED),
        },
        "bigquery.tables.updateData": {
            *("data.backfills", "data.balance", "data.events", "data.late_events", "data.metrics"),
            "data.partials",
        },
    },
    "report": {
        "bigquery.jobs.create": {"project"},
        "bigquery.datasets.get": {"views"},
        "bigquery.tables.list": {"views"},
        # The same question, of the reader.
        "bigquery.tables.getData": {
            *("data.runs", "views.balance_latest", "views.metrics_latest"),
            *("views.partition_status", FAILED),
        },
    },
}
