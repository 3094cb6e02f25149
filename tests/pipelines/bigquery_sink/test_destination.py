"""Which project and datasets a destination names."""

from __future__ import annotations

import pytest

from pipelines.errors import OptionError
from pipelines.sinks.bigquery.destination import Destination, parse_destination


def test_a_destination_names_a_project_and_a_dataset():
    found = parse_destination("bigquery://a-project/figures", {})

    assert found == Destination("a-project", "figures", "figures_restricted")
    assert str(found) == "bigquery://a-project/figures"


def test_a_destination_may_name_the_restricted_dataset():
    found = parse_destination("bigquery://example.com:a-project/figures?restricted=raw", {})

    assert (found.project, found.restricted_dataset) == ("example.com:a-project", "raw")


@pytest.mark.parametrize(
    "output",
    [
        "bigquery://",
        "bigquery://a-project",
        "bigquery://a-project/",
        "bigquery://a-project/figures/events",
        "bigquery://A Project/figures",
        "bigquery://a-project/figu-res",
        "bigquery://a-project/figures?restricted=",
        "bigquery://a-project/figures?raw=x",
        "bigquery://a-project/figures?restricted=a-b",
    ],
)
def test_a_destination_that_is_none_is_one_sentence(output):
    with pytest.raises(OptionError, match=r"expected bigquery://PROJECT/DATASET"):
        parse_destination(output, {})


def test_raw_payloads_are_never_beside_the_figures():
    with pytest.raises(OptionError, match="expected a restricted dataset of its own"):
        parse_destination("bigquery://a-project/figures?restricted=figures", {})


def test_an_emulator_has_two_addresses():
    both = {
        "BIGQUERY_EMULATOR_HOST": "localhost:9050",
        "MOMENT_BIGQUERY_WRITE_EMULATOR": "localhost:9060",
    }
    found = parse_destination("bigquery://a-project/figures", both)

    assert (found.rest_emulator, found.write_emulator) == (
        "http://localhost:9050",
        "localhost:9060",
    )
    for name in both:
        with pytest.raises(OptionError, match=f"^{name}: expected"):
            parse_destination("bigquery://a-project/figures", {name: both[name]})
