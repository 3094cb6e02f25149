"""Attribute: the property's brand where an event names none."""

import apache_beam as beam
from apache_beam.testing.util import assert_that, equal_to

from pipelines.measure import IN_PROCESS
from tests.transforms.events import event, native
from transforms.attribute import Attribute, attribute


def test_an_event_without_a_brand_is_the_propertys_and_others_keep_theirs():
    batch = native(event(), event(brand_id="atelier"), event(brand_id=""))
    attributed = attribute(batch, "maison")

    assert attributed.column("brand_id").to_pylist() == ["maison", "atelier", ""]
    assert attributed.schema.equals(batch.schema, check_metadata=True)
    assert attributed.drop_columns(["brand_id"]).equals(batch.drop_columns(["brand_id"]))


def test_a_property_without_a_brand_changes_nothing():
    batch = native(event(), event(brand_id="atelier"))

    assert attribute(batch, None) is batch


def test_no_events_stay_no_events():
    assert attribute(native(), "maison").equals(native())


def test_the_step_attributes_every_batch():
    with beam.Pipeline(runner=IN_PROCESS) as root:
        batches = root | beam.Create([native(event()), native(event(brand_id="atelier"))])
        brands = (
            batches | Attribute("maison") | beam.Map(lambda b: b.column("brand_id").to_pylist())
        )
        assert_that(brands, equal_to([["maison"], ["atelier"]]))
