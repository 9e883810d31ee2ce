"""`python -m findling`: the command line under the package's name.

Owns nothing else and must not. Invariant: it does what the `findling` command does.
"""

import sys

from findling.cli import main

if __name__ == "__main__":
    sys.exit(main())
