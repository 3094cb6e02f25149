"""The command as it is started: an interruption is one line, whatever it comes into."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

INTERRUPTED = 130


def main() -> int:
    """Run `moment`; its exit code. Interrupted, the process ends at once, with 130."""
    # Where whoever started us ignores interruptions, so do we.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _once)
    try:
        # Imported inside, for that may be interrupted too.
        from pipelines.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    # Threads that work on would only be waited for, and complain of what is no more.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)


def _once(number: int, frame: object) -> NoReturn:
    """Interrupt; a second one, while what was begun is cleared away, ends the process as it is."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt
