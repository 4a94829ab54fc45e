"""Any folder or zip of pictures: nested, of mixed sizes and formats, grey or in colour; such as Omniglot's archives."""

from infogan.data.archives import open_source
from infogan.data.dataset import Split, check_data_dir, hold_out_last
from infogan.data.picture_files import Preparation, count_channels, list_pictures, shuffle
from infogan.data.pixel_cache import load_pixels
from infogan.system.errors import InputError

NEEDED = "a folder, zip or tar of pictures is needed."


def load(data_dir=None, image_size=None, channels=None, input_range=None):
    """Reads pictures, each cut to the largest part in its middle that has the proportions of the result, and resized.

    A tenth of them, chosen by their names alone, is the test split. They have no labels.

    Args:
      data_dir: folder, zip or uncompressed tar with PNG, JPEG, GIF, BMP, WebP or TIFF files, however deep.
      image_size: (H, W) of the images, or the side of square ones, 8 to 1024 pixels each; None for 32.
      channels: 1 for grey, 3 for RGB; None for what most of the first 100 pictures are.
      input_range: None, or (low, high), the values in the files that become 0 and 255.

    Returns:
      Dataset with uint8 images [N, H, W, channels], mapped from the cache on disk.

    Raises:
      InputError: naming the folder or file that is missing or damaged.
    """
    path = check_data_dir(data_dir, NEEDED)
    if channels not in (None, 1, 3):
        raise InputError("channels", f"{channels!r} was given, but 1 (grey) or 3 (RGB) is needed.")
    with open_source(path) as source:
        entries = shuffle(list_pictures(source))
        channels = channels or count_channels(source, entries)
        preparation = Preparation(32 if image_size is None else image_size, channels, input_range=input_range)
        pixels = load_pixels(source, entries, preparation)
    return hold_out_last(Split(pixels.images), f"{path}{pixels.note}")
