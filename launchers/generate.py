"""Samples and sweeps of a trained run: PNG, GIF, MP4 or arrays."""

import sys

import bare_clone  # noqa: F401  makes the package importable from a bare clone

from infogan.cli.generate import main

if __name__ == "__main__":
    sys.exit(main())
