"""``python -m namegen``: the same as the command ``namegen``."""

import sys

from namegen.cli import main

sys.exit(main())
