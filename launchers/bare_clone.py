"""Lets a launcher run from a bare clone: finds the package beside it and says what is missing.

Import it before anything of infogan.
"""

import signal
import sys
from importlib.util import find_spec
from pathlib import Path

NEEDED = (
    *("tensorflow", "tf_keras", "numpy", "scipy", "sklearn", "skimage", "imageio", "progressbar", "PIL", "matplotlib"),
    *("tensorboard", "pooch"),
)

# Ctrl-C during the imports ends the process without a traceback; the command then takes over.
signal.signal(signal.SIGINT, signal.SIG_DFL)

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if missing := [name for name in NEEDED if find_spec(name) is None]:
    print(
        f"{Path(sys.argv[0]).name}: {', '.join(missing)} is not installed for {sys.executable}. "
        "Run `make setup`, then use .venv/bin/python.",
        file=sys.stderr,
    )
    raise SystemExit(2)
