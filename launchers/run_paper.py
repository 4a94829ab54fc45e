"""Every experiment of the paper, and a page that sets its statements beside what was measured."""

import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path[0] = str(clone)  # in place of this folder: the package beside it need not be installed

from infogan.cli.paper import main

if __name__ == "__main__":
    sys.exit(main())
