"""A link keeps where it leads and drops what it tells of a person."""

import pytest

from schemas.links import bare_link


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example/spring?utm_id=7#top", "https://shop.example/spring"),
        ("https://ana:secret@shop.example/spring", "https://shop.example/spring"),
        ("https://shop.example/for/ana@example.com", "https://shop.example"),
        ("https://shop.example/for/ana%40example.com/x", "https://shop.example"),
        ("app://product/2", "app://product/2"),
        ("mailto:ana@example.com", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_what_is_kept_of_a_link(url, kept):
    assert bare_link(url) == kept
