"""`python -m pipelines` is the `moment` command."""

import sys

from pipelines.cli import main

sys.exit(main())
