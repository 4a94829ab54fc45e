"""Feeds damaged files of every format to what reads them: each is read, or refused in the documented way.

    python tests/faults/fuzz.py --inputs 10000 --progress build/fuzz.json

Input N of a format is the same in each run. A refusal is an InputError; anything else, more than a gigabyte of memory,
or more than a minute, is a failure: its number is printed, and the damaged files are kept beside the progress.
"""

import argparse
import io
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import redirect_stderr, suppress
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[level]) for level in (0, 1, 2)]

import run_folder_files  # noqa: E402
from mutate import mutate  # noqa: E402
from test_dataset_contract import FORMS, load  # noqa: E402

from infogan.system.files import write_json  # noqa: E402
from infogan.system.messages import InputError  # noqa: E402

MEMORY = 2**30
SECONDS = 60
SAVED_EVERY = 100


def _dataset(name, form):
    return lambda folder: FORMS[name, form](folder), lambda data_dir: load(name, data_dir)


FORMATS = {
    "idx": _dataset("mnist", "idx"),
    "mat, packed": _dataset("svhn", "train and test"),
    "mat": _dataset("faces3d", "mat"),
    "npz": _dataset("faces3d", "npz"),
    "npy": _dataset("images", "npy"),
    "h5": _dataset("images", "h5"),
    "records in tar.gz": _dataset("cifar10", "archive"),
    "records": _dataset("cifar10", "folder"),
    "matrices": _dataset("smallnorb", "mat"),
    "table in npz": _dataset("dsprites", "npz"),
    "table in h5": _dataset("shapes3d", "h5"),
    "mat in tar.gz": _dataset("cars3d", "tar.gz"),
    "pictures in zip": _dataset("celeba", "zip"),
    "pictures in tar": _dataset("chairs", "tar"),
    "pictures": _dataset("images", "folder"),
    "lists": _dataset("celeba", "with lists"),
    **run_folder_files.FORMATS,
}
"""name -> (function that writes good files into a folder and returns what to load, function that loads it)."""
ONLY = {"lists": "list_*.txt"}
"""Which files of a format are damaged; all others by default."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20, help="damaged inputs of each format (default: 20)")
    parser.add_argument("--formats", nargs="*", default=list(FORMATS), choices=FORMATS, metavar="FORMAT")
    parser.add_argument("--progress", type=Path, help="file that keeps what is done, to go on from there")
    options = parser.parse_args()
    progress = {}
    if options.progress and options.progress.exists():
        progress = json.loads(options.progress.read_text())
    failed = [name for name in options.formats if not _fuzz_format(name, options, progress)]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def _fuzz_format(name, options, progress):
    """Tries the inputs of a format that are not done yet, in a process that may crash."""
    context = multiprocessing.get_context("fork")
    done = Counter(progress.get(name, {}))
    started = time.monotonic()
    while (begin := sum(done.values())) < options.inputs:
        end = min(begin + SAVED_EVERY, options.inputs)
        number, results = context.Value("q", begin), context.SimpleQueue()
        child = context.Process(target=_try_inputs, args=(name, begin, end, number, results, _kept(options)))
        child.start()
        child.join()
        if child.exitcode:
            print(f"{name}: input {number.value} failed, exit status {child.exitcode}", flush=True)
            return False
        done.update(results.get())
        progress[name] = dict(done)
        if options.progress:
            options.progress.parent.mkdir(parents=True, exist_ok=True)
            write_json(options.progress, progress)
    print(f"{name}: {dict(done)}, {time.monotonic() - started:.0f} s", flush=True)
    return True


def _kept(options):
    return (options.progress.parent if options.progress else Path(tempfile.gettempdir())) / "fuzz_failure"


def _try_inputs(name, begin, end, number, results, kept):
    write, read = FORMATS[name]
    counts = Counter()
    with tempfile.TemporaryDirectory() as root:
        os.environ.update(INFOGAN_CACHE=f"{root}/cache", TF_CPP_MIN_LOG_LEVEL="3")
        good, damaged = Path(root, "good"), Path(root, "damaged")
        good.mkdir()
        source = write(good)
        with redirect_stderr(io.StringIO()):
            read(source)  # what is not damaged is read
        _limit()
        for number.value in range(begin, end):
            chosen = _damage(good, damaged, random.Random(f"{name} {number.value}"), ONLY.get(name, "[!.]*"))
            signal.alarm(SECONDS)
            try:
                with redirect_stderr(io.StringIO()):
                    read(damaged / Path(source).relative_to(good))
                counts["read"] += 1
            except InputError:
                counts["refused"] += 1
            except BaseException:
                traceback.print_exc()
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(damaged, kept)
                print(f"{name}: input {number.value}, {chosen} damaged; kept in {kept}", file=sys.stderr, flush=True)
                raise
            finally:
                signal.alarm(0)
                shutil.rmtree(f"{root}/cache", ignore_errors=True)
    results.put(counts)


def _limit():
    """A gigabyte more than now, and a limit of time that raises instead of ending the process."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def refuse(number, frame):
        raise TimeoutError(f"more than {SECONDS} s")

    signal.signal(signal.SIGALRM, refuse)


def _damage(good, damaged, dice, pattern):
    """Copies good files as links, and damages one of them; returns its name."""
    shutil.rmtree(damaged, ignore_errors=True)
    shutil.copytree(good, damaged, copy_function=os.link)
    names = sorted(path.relative_to(good) for path in good.rglob(pattern) if path.is_file())
    chosen = dice.choice(names)
    content = (good / chosen).read_bytes()
    with suppress(FileNotFoundError):
        (damaged / chosen).unlink()
    (damaged / chosen).write_bytes(mutate(content, dice))
    return chosen


if __name__ == "__main__":
    main()
