"""The jobs: which steps, in which order, from where to where."""

import logging


def _is_news(record: logging.LogRecord) -> bool:
    """Beam warns at import that Google's clients are absent; files need none of them."""
    told = record.getMessage()
    return "apitools not found" not in told and "Failed to import GCSFileSystem" not in told


for _logger in ("", "apache_beam.io.filesystems"):
    logging.getLogger(_logger).addFilter(_is_news)
