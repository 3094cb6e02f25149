"""A link keeps where it leads and drops what it tells of a person."""

import pyarrow as pa
import pytest

from schemas.links import bare_link, bare_paths


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example/spring?utm_id=7#top", "https://shop.example/spring"),
        ("https://ana:secret@shop.example/spring", "https://shop.example/spring"),
        ("https://shop.example/for/ana@example.com", "https://shop.example"),
        ("https://shop.example/for/ana%40example.com/x", "https://shop.example"),
        ("https://shop.example/u/ana%2540example.com/x", "https://shop.example/u/redacted/x"),
        ("https://shop.example/u/+33612345678/x", "https://shop.example/u/redacted/x"),
        ("https://shop.example/from/203.0.113.77", "https://shop.example/from/redacted"),
        ("app://product/2", "app://product/2"),
        ("mailto:ana@example.com", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_what_is_kept_of_a_link(url, kept):
    assert bare_link(url) == kept


def test_a_path_has_no_query_and_no_fragment_but_the_one_that_is_its_route():
    paths = [
        "/live?token=abc",
        "/live#top",
        "/#/reset?token=abc",
        "/#!/account",
        "/live",
        None,
        "#",
    ]
    kept = ["/live", "/live", "/#/reset", "/#!/account", "/live", None, ""]

    assert bare_paths(pa.array(paths)).to_pylist() == kept
    assert bare_paths(pa.array(["/live", None])).to_pylist() == ["/live", None]
