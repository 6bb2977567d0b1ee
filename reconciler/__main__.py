"""`python -m reconciler`: the same command as the console script."""

import sys

from reconciler.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
