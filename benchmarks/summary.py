"""What the measured medians say: ratios between programs, shares of the floor, and the targets set beside them."""

from typing import NamedTuple

from benchmarks.floor import ADAM, Product, compute_floor, count_by_kind

PRECISIONS = ("float32", "bfloat16")
PORT, EAGER = "port float32", "eager float32"


class Speed(NamedTuple):
    """How fast one program trains.

    Attributes:
      name: the program's name.
      result: its medians.
      times_port, times_eager: images/s over those of the port, and of eager PyTorch in float32; None where unknown.
      share_of_floor: the floor's time over the update's; None where unknown.
    """

    name: str
    result: dict
    times_port: float | None
    times_eager: float | None
    share_of_floor: float | None


class Target(NamedTuple):
    """A number to reach.

    Attributes:
      what: the quantity.
      wanted: the bound.
      rule: "at least" or "at most".
      measured: the number, None where it could not be measured.
      form: how the numbers are printed, a format string.
    """

    what: str
    wanted: float
    rule: str
    measured: float | None
    form: str

    @property
    def holds(self):
        """Whether the bound is kept; None without a measurement."""
        if self.measured is None:
            return None
        return self.measured >= self.wanted if self.rule == "at least" else self.measured <= self.wanted


def list_speeds(document):
    """The speed of each training program, in the order in which they were measured.

    Args:
      document: dict that `benchmarks.run` writes as JSON.
    """
    return [_describe(document, name) for name in document["batch_sizes"]]


def _describe(document, name):
    medians = document["medians"]
    result = medians[name]
    floor = find_floor(document, name.split()[-1], document["batch_sizes"][name])
    seconds = result.get("update_seconds")
    share = floor.seconds / seconds if floor and seconds else None
    return Speed(name, result, _ratio(medians, name, PORT), _ratio(medians, name, EAGER), share)


def _ratio(medians, name, other):
    mine, others = (medians.get(which, {}).get("images_per_second") for which in (name, other))
    return mine / others if mine and others else None


def find_floor(document, precision, batch_size):
    """The Floor of an update on the measured machine; None where its rates are not known."""
    machine = document["medians"].get(f"machine {precision}", {})
    if "best" not in machine:
        return None
    products = [Product(**fields) for fields in document["operations"]["products"]]
    parameters = document["operations"]["parameters"]
    return compute_floor(products, parameters, batch_size, machine["best"], max(machine["memory"].values()))


def list_kind_floors(document, name):
    """The least time for each kind of operation of a program of `operation_times`: dict of kind -> seconds.

    Products need their operations at the machine's best rate, Adam its memory traffic, and the others the time in which
    what they read and write passes through memory once. Empty where the machine's rates are not known.
    """
    kinds, precision = document["medians"][name], name.split()[-1]
    floor = find_floor(document, precision, kinds["batch_size"])
    if floor is None:
        return {}
    machine = document["medians"][f"machine {precision}"]
    products = [Product(**fields) for fields in document["operations"]["products"]]
    seconds = {kind: moved / max(machine["memory"].values()) for kind, moved in kinds["bytes"].items()}
    counts = count_by_kind(products, kinds["batch_size"])
    return seconds | {kind: count / machine["best"] for kind, count in counts.items()} | {ADAM: floor.optimiser}


def list_targets(document):
    """The targets, for two cores and a batch of 128, with what was measured."""
    speeds = {speed.name: speed for speed in list_speeds(document)}
    bfloat16, float32 = speeds["project bfloat16"], speeds["project float32"]
    startup = document["medians"].get("startup", {})
    gigabytes = startup["peak_bytes"] / 1e9 if "peak_bytes" in startup else None
    return [
        Target("bfloat16, images/s over the port's", 2.1, "at least", bfloat16.times_port, "{:.2f}"),
        Target("bfloat16, images/s over eager float32", 3.3, "at least", bfloat16.times_eager, "{:.2f}"),
        Target("float32 with fresh latents, images/s over the port's", 1.0, "at least", float32.times_port, "{:.2f}"),
        Target("bfloat16, share of the floor", 0.7, "at least", bfloat16.share_of_floor, "{:.0%}"),
        Target("float32, share of the floor", 0.7, "at least", float32.share_of_floor, "{:.0%}"),
        Target("command to first update", 8.0, "at most", startup.get("first_update_seconds"), "{:.1f} s"),
        Target("peak memory of a run, evaluation included", 1.2, "at most", gigabytes, "{:.2f} GB"),
    ]
