"""Arguments of `moment measure`, apart from what needs Beam, for which no `--help` is to wait."""

from __future__ import annotations

import argparse

from pipelines.sources.pubsub.settings import PullSettings
from transforms.rules import FACT_MINUTES

TIME_ZONE = "Europe/Paris"


def add_measure_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="file, glob, directory, the same as gs://BUCKET/PATH, kafka://HOST:PORT/TOPIC or"
        " pubsub://projects/PROJECT/subscriptions/NAME; CHANNEL=INPUT names its channel, else it"
        " is recognised; archive=WHERE is what --archive kept",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="WHERE",
        help="dataset to write: a directory, or bigquery://PROJECT/DATASET with its tables",
    )
    parser.add_argument(
        "--time-zone",
        default=TIME_ZONE,
        metavar="ZONE",
        help=f"civil time of the property, by which its hours and days are (default: {TIME_ZONE})",
    )
    parser.add_argument(
        "--channels",
        metavar="NAMES",
        help="registered channels, comma-separated: each has a row even when silent (default: all)",
    )
    parser.add_argument("--brand", metavar="ID", help="brand of events that name none")
    parser.add_argument("--shards", type=int, help="shards of people (default: by size of input)")
    parser.add_argument(
        "--epoch", type=int, default=0, help="generation of the figures (default 0)"
    )
    parser.add_argument(
        "--replace", action="store_true", help="replace the directory's dataset when all is written"
    )
    parser.add_argument(
        "--load-through",
        metavar="BUCKET",
        help="of bounded input into BigQuery: write Parquet below gs://BUCKET/PREFIX and load it by"
        " a job a table, which costs nothing (default: append over Storage Write)",
    )
    parser.add_argument(
        "--archive",
        nargs="?",
        const="",
        metavar="WHERE",
        help="keep every record as received, restricted, for 30 days: in the output directory or,"
        " as gs://BUCKET/PREFIX or a directory, elsewhere. archive=WHERE is then an INPUT (default:"
        " only what could not be decoded is kept)",
    )
    add_stream_arguments(parser)


def add_stream_arguments(parser: argparse.ArgumentParser) -> None:
    unbounded = parser.add_argument_group(
        "unbounded input", "Kafka topics, Pub/Sub subscriptions, and files with --speed"
    )
    unbounded.add_argument(
        "--speed",
        type=float,
        help="replay files at so many times their pace; 0: as fast as can be",
    )
    unbounded.add_argument(
        "--run-on", type=float, default=0.0, metavar="SECONDS", help="stream time after a replay"
    )
    unbounded.add_argument(
        "--start", metavar="WHERE", help="of topics: earliest (default), latest or an ISO instant"
    )
    unbounded.add_argument(
        "--kafka-properties", metavar="FILE", help="name=value lines for the Kafka client"
    )
    unbounded.add_argument(
        "--pullers", type=int, default=2, help="readers of each subscription (default 2)"
    )
    unbounded.add_argument(
        "--most-unacknowledged",
        type=int,
        default=PullSettings.most_unacknowledged,
        metavar="MESSAGES",
        help="of a reader of a subscription: it stops at so many, so allow for those of three"
        f" checkpoint intervals (default {PullSettings.most_unacknowledged:,})",
    )
    unbounded.add_argument(
        "--most-lease",
        type=float,
        default=PullSettings.most_lease_seconds,
        metavar="SECONDS",
        help="how long a message of a subscription may wait for two checkpoints (default"
        f" {PullSettings.most_lease_seconds:.0f})",
    )
    unbounded.add_argument(
        "--allowance",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how far messages of a partition may be out of order (default 10)",
    )
    unbounded.add_argument(
        "--idle-after",
        default="60",
        metavar="SECONDS",
        help="silence after which a partition holds nobody back (default 60), or never",
    )
    unbounded.add_argument(
        "--hot-minutes",
        type=int,
        default=15,
        help="how long a minute is corrected after its end (default 15)",
    )
    unbounded.add_argument(
        "--fact-minutes",
        type=int,
        default=FACT_MINUTES,
        help="how long after that a change of a like, an order or a message is known to be late"
        f" (default {FACT_MINUTES})",
    )
    unbounded.add_argument(
        "--since", metavar="INSTANT", help="publish no window that began earlier"
    )
    unbounded.add_argument(
        "--publish-every",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="cadence of early figures (default 5)",
    )
    unbounded.add_argument(
        "--append", action="store_true", help="go on writing into a dataset that a job was begun in"
    )
