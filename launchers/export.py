"""A trained run as SavedModel or ONNX."""

import sys

import bare_clone  # noqa: F401  makes the package importable from a bare clone

from infogan.cli.export import main

if __name__ == "__main__":
    sys.exit(main())
