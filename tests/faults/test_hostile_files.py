"""Files that `make fuzz` found, each of which once ended in a traceback or in gigabytes of memory."""

import gzip
import struct
import zipfile

import pytest

from infogan.data.arrays import load_idx, load_npz
from infogan.system.messages import InputError
from infogan.training.run_log import load_metrics


def test_an_idx_header_is_not_believed_more_than_the_file_can_hold(tmp_path):
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 2**32 - 1) + b"\1" * 40))
    with pytest.raises(InputError, match=r"unpack to 4,294,967,295 or more, but 67,\d+,\d+ is the limit"):
        load_idx(path, 1)


@pytest.mark.parametrize("literal", ["(30, 32", "{'a': \x92}", "{'descr': " + "[" * 3000, "{'descr': 5}"])
def test_an_array_whose_header_is_no_literal_is_refused(tmp_path, literal):
    text = literal.encode("latin1") + b"\n"
    with zipfile.ZipFile(tmp_path / "faces.npz", "w") as archive:
        archive.writestr("images.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)
    with pytest.raises(InputError, match=r"its array 'images\.npy' cannot be read"):
        load_npz(tmp_path / "faces.npz", ["images"])


def test_a_log_nested_too_deep_is_refused(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("[" * 100_000 + "\n")
    with pytest.raises(InputError, match="line 1 is damaged"):
        load_metrics(path)
