"""Moment's distribution: three packages and the `moment` command."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'VERSION = "(.+)"', (HERE / "schemas/version.py").read_text()).group(1)

setup(
    name="moment-pipeline",
    version=VERSION,
    description="Audience, engagement and satisfaction on every channel at once, in real time",
    long_description=(HERE / "README.md").read_text() if (HERE / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["schemas*", "transforms*", "pipelines*"]),
    install_requires=[
        "apache-beam>=2.77,<3",
        "pyarrow>=20",
        "msgspec>=0.19",
        "numpy>=2",
        "datasketches>=5.2",
        "duckdb>=1.3",
        "zstandard>=0.23",
        "crawler-user-agents>=1.40",
        "tzdata",
    ],
    extras_require={
        "gcp": [
            "apache-beam[gcp]>=2.77,<3",
            "google-cloud-bigquery>=3.30",
            "google-cloud-bigquery-storage>=2.33",
            "google-cloud-pubsub",
            "google-cloud-storage>=3",
            "sqlglot",
        ],
        "kafka": ["confluent-kafka>=2.6"],
        "test": [
            "apache-beam[gcp]>=2.77,<3",
            "confluent-kafka>=2.6",
            "google-cloud-bigquery>=3.30",
            "google-cloud-bigquery-storage>=2.33",
            "google-cloud-pubsub",
            "google-cloud-storage>=3",
            "hypothesis",
            "jsonschema",
            "mypy",
            "orjson",
            "pytest",
            "pytest-timeout",
            "pytest-xdist",
            "python-hcl2>=8",
            "pyyaml",
            "ruff",
            "scipy",
            "sqlalchemy-bigquery",
            "sqlglot",
        ],
    },
    entry_points={"console_scripts": ["moment = pipelines.moment:main"]},
)
