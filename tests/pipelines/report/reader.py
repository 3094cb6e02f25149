"""A page as tests read it: its elements, its text, and the rows that its numbers name."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipelines.report import write_report
from pipelines.report.marks import metric_key
from schemas.metric import METRIC

Page = tuple[str, list[dict[str, Any]]]


class Reader(HTMLParser):
    """Elements of a page in order: tag, attributes, own text and the tags and classes around it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[dict[str, Any]] = []
        self._open: list[dict[str, Any]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        around = [(e["tag"], e["attributes"].get("class", "")) for e in self._open]
        element = {"tag": tag, "attributes": dict(attrs), "text": "", "around": around}
        self.elements.append(element)
        if tag not in ("meta", "input", "br"):
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self._open and self._open[-1]["tag"] == tag:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1]["tag"] == tag, f"</{tag}> closes <{self._open[-1]['tag']}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1]["text"] += data


def read(dataset: Path, **options: Any) -> tuple[str, list[dict[str, Any]]]:
    page = write_report(dataset, dataset / "report.html", **options)
    html = page.read_text(encoding="utf-8")
    return html, Reader(html).elements


def text_of_page(html: str) -> str:
    return "".join(e["text"] for e in Reader(html).elements if e["tag"] not in ("style", "script"))


def rows_by_key(dataset: Path) -> dict[str, dict[str, Any]]:
    """The latest row of each figure, found without the report's own query."""
    rows = pq.read_table(dataset / "metrics", schema=METRIC).to_pylist()
    rows.sort(key=lambda row: (row["epoch"], row["revision"]))
    return {metric_key(row): row for row in rows}


def shown_number(text: str) -> float:
    """38.4 % is 0.384; 1,742 is 1742; a true minus is a minus."""
    plain = text.strip().replace(",", "").replace("\u2212", "-")
    if plain.endswith("%"):
        return float(plain.rstrip("%\u202f ")) / 100
    return float(plain)
