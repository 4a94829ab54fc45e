"""A trained run as a web page on this machine."""

import sys

import bare_clone  # noqa: F401  makes the package importable from a bare clone

from infogan.cli.explore import main

if __name__ == "__main__":
    sys.exit(main())
