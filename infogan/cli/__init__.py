"""The command lines: `main.py` what they share, one file each for what a launcher or command does.

Importing this package ends the process with one line if a package is missing. `infogan` itself imports none of them.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

NEEDED = (
    *("tensorflow", "tf_keras", "numpy", "scipy", "sklearn", "skimage", "imageio", "progressbar", "PIL", "matplotlib"),
    *("tensorboard", "pooch"),
)

if missing := [name for name in NEEDED if find_spec(name) is None]:
    print(
        f"{Path(sys.argv[0]).name}: {', '.join(missing)} is not installed for {sys.executable}. "
        "Run `make setup`, then use .venv/bin/python.",
        file=sys.stderr,
    )
    raise SystemExit(2)
