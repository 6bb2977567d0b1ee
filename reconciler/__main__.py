"""`python -m reconciler`: the same command as the console script."""

import sys

from reconciler.cli import main

if __name__ == "__main__":
    sys.exit(main.run())
