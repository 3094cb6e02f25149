"""A module run where no bundle is split: `python -m tests.e2e.unsplit MODULE ARGUMENT…`.

Prism asks to split each bundle that made no progress for a tenth of a second. What it takes out of
a bundle of a step with state is then lost, or comes twice: without a word, or, where the bundle
holds timers, with one (apache/beam#35771). Seen in its debug log, « split elements »: of six
replays on busy cores exactly the two differed in which a bundle of Attend was split, by 28 and 609
observations. An SDK may always answer that it has nothing to give away.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker.sdk_worker import SdkWorker


def _nothing_to_give_away(
    worker: SdkWorker, request: Any, instruction_id: str
) -> beam_fn_api_pb2.InstructionResponse:
    return beam_fn_api_pb2.InstructionResponse(
        instruction_id=instruction_id,
        process_bundle_split=beam_fn_api_pb2.ProcessBundleSplitResponse(),
    )


if __name__ == "__main__":
    SdkWorker.process_bundle_split = _nothing_to_give_away
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
