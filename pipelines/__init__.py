"""The jobs: which steps, in which order, from where to where."""

import logging
import os

# numpy's library for matrices, of which there are none here, starts threads that wait for work with
# the processor busy: a tenth of a second of it, a quarter of what `moment --version` took.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _is_news(record: logging.LogRecord) -> bool:
    """Beam warns at import that Google's clients are absent; files need none of them."""
    told = record.getMessage()
    return "apitools not found" not in told and "Failed to import GCSFileSystem" not in told


for _logger in ("", "apache_beam.io.filesystems"):
    logging.getLogger(_logger).addFilter(_is_news)
