"""Finished runs, measured again."""

import sys

import bare_clone  # noqa: F401  makes the package importable from a bare clone

from infogan.cli.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
