"""One page about one live: `write_report` makes a self-contained HTML file of a dataset."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

from pipelines.errors import OptionError
from pipelines.report.folder import FolderSource
from pipelines.report.page import page
from pipelines.report.query import read_findings
from pipelines.report.source import Source, source_of

__all__ = ["source_of", "write_report"]


def write_report(
    dataset: Path | Source, target: Path, title: str | None = None, day: date | None = None
) -> Path:
    """The path of a page about one local day of a Moment dataset, written whole or not at all.

    The page needs nothing but itself: styles and charts are inline, and it reads without scripts.
    `day` is the local day with most events unless given. Raises FileNotFoundError where a path is
    not a directory, OptionError where there is nothing about `day`, the page cannot be written or
    BigQuery refuses.
    """
    source = FolderSource(dataset) if isinstance(dataset, Path) else dataset
    html = page(read_findings(source, day), title)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(html, encoding="utf-8")
        return unfinished.replace(target)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise OptionError(
            f"{target}: expected to write the page there, found {error.strerror}; name another"
            " file with --html"
        ) from error
