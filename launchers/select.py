"""Several runs of the same codes, of which the best is chosen without labels."""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent

if __name__ == "select":
    # Python's own module of this name was asked for, as by `subprocess`, but it searches the launchers' folder first.
    own = PathFinder.find_spec("select", [folder for folder in sys.path if Path(folder).resolve() != HERE])
    sys.modules["select"] = module_from_spec(own)
    own.loader.exec_module(sys.modules["select"])
else:
    if HERE.parent.joinpath("infogan", "cli").is_dir():
        sys.path.insert(0, str(HERE.parent))  # the package beside this folder need not be installed

    from infogan.cli.select import main

if __name__ == "__main__":
    sys.exit(main())
