"""`python -m deploy.local.pool`: Beam's pool of Python workers, each with a cache of state.

Beam's own program starts its workers without one, whatever the pipeline says: each read of state
is then a question to the TaskManager and an answer.
"""

from __future__ import annotations

import argparse

from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer


def main(arguments: list[str] | None = None) -> None:
    """Serve until the process is ended, and with it the group that its workers are in."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.pool", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="to be asked for workers on")
    parser.add_argument("--cache-megabytes", type=int, required=True, help="of each worker")
    given = parser.parse_args(arguments)
    _, server = BeamFnExternalWorkerPoolServicer.start(
        use_process=True, port=given.port, state_cache_size=given.cache_megabytes << 20
    )
    server.wait_for_termination()


if __name__ == "__main__":
    main()
