"""`python -m pipelines` is the `moment` command."""

import sys

from pipelines.moment import main

sys.exit(main())
