"""InfoGAN on rendered 3D faces."""

import sys
from pathlib import Path

if (clone := Path(__file__).resolve().parent.parent).joinpath("infogan", "cli").is_dir():
    sys.path[0] = str(clone)  # in place of this folder: the package beside it need not be installed

from infogan.cli.train import main
from infogan.recipes.rendered import FACES

if __name__ == "__main__":
    sys.exit(main(FACES))
