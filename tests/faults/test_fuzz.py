"""A sample of `make fuzz`."""

import subprocess
import sys
from pathlib import Path

import pytest

INPUTS = 20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc, which Linux has")
def test_damaged_files_of_every_format_are_read_or_refused():
    script = Path(__file__).with_name("fuzz.py")
    result = subprocess.run([sys.executable, str(script), "--inputs", str(INPUTS)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr[-3000:]
    lines = [line for line in result.stdout.splitlines() if ": {" in line]
    assert len(lines) >= 15
    assert any("'read'" in line for line in lines)
    assert all("'refused'" in line for line in lines if not line.startswith("pictures")), result.stdout
