"""Results as Markdown, for the terminal and for docs/notes/performance.md."""

from benchmarks.floor import Product, count_operations, count_passes
from benchmarks.summary import PRECISIONS, find_floor, list_kind_floors, list_speeds, list_targets
from benchmarks.time_to_quality import WANTED
from infogan.system.messages import InputError

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
UNKNOWN = "not measured"
BUSY = 0.1
"""Cores that other processes may keep busy before the numbers are doubted."""


def format_document(document):
    """All results of a document of `benchmarks.run`, as Markdown."""
    kinds = format_kinds(document)
    sections = (
        ("", format_conditions(document)),
        ("### Targets\n\n", format_targets(list_targets(document))),
        ("### Training\n\n", format_speeds(document)),
        ("### The floor\n\n", format_floor(document)),
        *([("### Where the time goes\n\n", kinds)] if kinds else []),
        *([("### Time to quality\n\n", format_trainings(trained))] if (trained := document.get("trained")) else []),
        ("### Everything else\n\n", format_rest(document)),
        ("### Operations of an update\n\n", format_operations(document["operations"], document["floor_batch"])),
    )
    return "\n\n".join(title + body for title, body in sections) + "\n"


def format_table(header, rows):
    """A Markdown table; every cell is text."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def format_conditions(document):
    """What was measured on, and how."""
    machine, loads = document["machine"], document["other_load"]
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    settings = document["settings"]
    text = (
        f"{machine['processor']}, {machine['cores']} cores, {', '.join(machine['gpus']) or 'no GPU'}; "
        f"Python {machine['python']}, {versions}. "
        f"{document['date']}; medians over {settings['rounds']} x {settings['updates']} updates."
    )
    if loads is not None:
        text += f" Meanwhile other processes kept {loads['mean']:.2f} cores busy, {loads['most']:.2f} at most."
    doubts = ["a quick run"] if settings["quick"] else []
    if loads is not None and loads["mean"] > BUSY:
        doubts.append("on a shared machine")
    return f"**Not to be quoted: {' '.join(doubts)}.** {text}" if doubts else text


def format_targets(targets):
    """Wanted | measured | holds."""
    rows = []
    for target in targets:
        measured = UNKNOWN if target.measured is None else target.form.format(target.measured)
        holds = {True: "yes", False: "no", None: "-"}[target.holds]
        rows.append([target.what, f"{target.rule} {target.form.format(target.wanted)}", measured, holds])
    return format_table(["what", "wanted", "measured", "holds"], rows)


def format_speeds(document):
    """The training programs."""
    rows = []
    for speed in list_speeds(document):
        batch = str(document["batch_sizes"][speed.name])
        name, precision = document["titles"][speed.name], speed.name.split()[-1]
        if "unavailable" in speed.result:
            rows.append([name, precision, batch, f"{UNKNOWN}: {speed.result['unavailable']}", *["-"] * 5])
            continue
        rows.append([
            name, precision, batch,
            f"{1000 * speed.result['update_seconds']:.1f}",
            f"{speed.result['images_per_second']:.0f}",
            _format(speed.times_port, "{:.2f}"),
            _format(speed.times_eager, "{:.2f}"),
            _format(speed.share_of_floor, "{:.0%}"),
            f"{speed.result['peak_bytes'] / 1e9:.2f}",
        ])  # fmt: skip
    header = ["program", "precision", "batch", "ms an update", "images/s"]
    return format_table([*header, "x port", "x eager float32", "of the floor", "peak GB"], rows)


def format_floor(document):
    """The machine's rates and what they allow."""
    batch, rows = document["floor_batch"], []
    for precision in PRECISIONS:
        machine = document["medians"][f"machine {precision}"]
        floor = find_floor(document, precision, batch)
        if floor is None:
            rows.append([precision, f"{UNKNOWN}: {machine['unavailable']}", *["-"] * 6])
            continue
        rates = machine["products"].values()
        rows.append([
            precision,
            f"{machine['best'] / 1e9:.0f}",
            f"{min(rates) / 1e9:.0f} to {max(rates) / 1e9:.0f}",
            *(_format(machine["memory"].get(kind), "{:.1f}", 1e-9) for kind in ("copy", "triad", "add in place")),
            f"{1000 * floor.products:.1f} + {1000 * floor.optimiser:.1f}",
            f"{1000 * floor.seconds:.1f}",
        ])  # fmt: skip
    header = ["precision", "best product, GFLOP/s", "by shape", "copy, GB/s", "triad", "add in place"]
    return format_table([*header, "products + Adam, ms", f"floor at batch {batch}, ms"], rows)


def format_kinds(document):
    """Milliseconds of a traced update by kind of operation, each beside its floor; "" for results from before."""
    traced = {
        name: result
        for name, result in document["medians"].items()
        if name.startswith("kinds ") and "seconds" in result
    }
    if not traced:
        return ""
    header, kinds = ["kind"], list(next(iter(traced.values()))["seconds"])
    rows = {kind: [kind] for kind in [*kinds, "an update"]}
    for name, result in traced.items():
        header += [f"{name.removeprefix('kinds ')}, ms", "floor"]
        floors = list_kind_floors(document, name)
        seconds = result["seconds"] | {"an update": result["update_seconds"]}
        floors |= {"an update": sum(floors.values())} if floors else {}
        for kind, row in rows.items():
            row += [f"{1000 * seconds[kind]:.1f}", _format(floors.get(kind), "{:.1f}", 1000.0)]
    return format_table(header, rows.values())


def format_trainings(trained):
    """Minutes until the error is as low as wanted, of each program the seeds one after another."""
    rows = []
    for name, results in trained.items():
        seconds = [result["wanted_seconds"] for result in results]
        reached = all(seconds)
        rows.append([
            name,
            ", ".join("never" if each is None else f"{each / 60:.1f}" for each in seconds),
            f"{sum(seconds) / len(seconds) / 60:.1f}" if reached else "-",
            f"{max(seconds) / 60:.1f}" if reached else "never",
            ", ".join(f"{result['lowest_error']:.1%}" for result in results),
            ", ".join(f"{result['curve'][-1][0] / 60:.1f}" for result in results),
        ])  # fmt: skip
    header = ["program", f"minutes until {WANTED:.0%}, by seed", "mean", "worst", "lowest error", "minutes in all"]
    return format_table(header, rows)


def format_rest(document):
    """Start, evaluation, loader, input."""
    medians = document["medians"]
    evaluation, startup = medians["evaluation"], medians["startup"]
    rows = [
        ["command to first update", f"{startup['first_update_seconds']:.1f} s"],
        ["peak memory of a whole run", f"{startup['peak_bytes'] / 1e9:.2f} GB"],
        ["images classified (`TrainedRun.encode`)", f"{evaluation['recognised_per_second']:,.0f} a second"],
        ["images generated (`TrainedRun.generate_from`)", f"{evaluation['generated_per_second']:,.0f} a second"],
        ["images decoded by MNIST's loader", f"{medians['loader']['loaded_per_second']:,.0f} a second"],
        ["the whole set", f"{medians['loader']['load_seconds']:.2f} s"],
    ]
    for precision in PRECISIONS:
        result = medians[f"project {precision}"]
        if "input_seconds" in result:
            share = result["input_seconds"] / result["update_seconds"]
            cost = f"{1e6 * result['input_seconds']:.0f} us, {share:.2%} of an update"
            rows.append([f"drawing, gathering and casting a batch, {precision}", cost])
    return format_table(["what", "measured"], rows)


def format_operations(operations, batch_size):
    """Where the operations of an update are."""
    rows, total = [], 0
    for fields in operations["products"]:
        product = Product(**fields)
        count = count_operations(product, batch_size)
        total += count
        passes = " + ".join(map(str, count_passes(product)))
        shape = f"[{product.m} B, {product.k}] x [{product.k}, {product.n}]"
        rows.append([product.part, product.layer, shape, passes, f"{count / 1e9:.3f}"])
    rows.append(["all", "", f"{operations['parameters']:,} parameters", "", f"{total / 1e9:.3f}"])
    passes = "passes: forward + weight + input gradient"
    return format_table(["network", "layer", "product for B images", passes, f"GFLOP at batch {batch_size}"], rows)


def _format(value, form, factor=1.0):
    return "-" if value is None else form.format(value * factor)


def insert(page, text):
    """The page with `text` between its two markers.

    Raises:
      InputError: if the page has not each marker once, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise InputError(
            "--write-docs", f"the page was given, but one with {BEGIN} and {END}, once each, is needed. Restore it."
        )
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"
