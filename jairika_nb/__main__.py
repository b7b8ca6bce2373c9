"""``python -m jairika_nb`` is ``jrk``."""

import sys

from jairika_nb.cli import main

sys.exit(main())
