"""``python -m namegen``: the same as the command ``namegen``."""

import sys

from namegen.cli import command

sys.exit(command())
