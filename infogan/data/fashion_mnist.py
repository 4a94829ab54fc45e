"""Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28x28 grey, in MNIST's format; not shipped."""

from infogan.data import mnist
from infogan.data.dataset import Dataset, check_data_dir
from infogan.system.checks import StrPath

SHA256 = {
    "train-images-idx3-ubyte": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
"""SHA-256 of the gzipped files as their authors published them."""

NEEDED = "a folder with Fashion-MNIST's four idx files is needed. Fetch them with --download (docs/datasets.md)."


def load(data_dir: StrPath | None = None) -> Dataset:
    """Reads Fashion-MNIST.

    Args:
      data_dir: folder with the four idx files, gzipped (`.gz`) or not.

    Returns:
      Dataset with uint8 images [N, 28, 28, 1] and labels 0..9: T-shirt, trouser, pullover, dress, coat, sandal, shirt,
      sneaker, bag, ankle boot.

    Raises:
      InputError: naming the file that is missing, damaged or of another size.
    """
    return mnist.load(check_data_dir(data_dir, NEEDED))
