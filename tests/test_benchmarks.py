"""The benchmark's arithmetic against hand-made numbers, and each measured program on a few images."""

import dataclasses
import functools
import json
import math
import sys

import imageio.v3 as imageio
import numpy as np
import pytest
from conftest import FEW_CHANNELS, ROOT, read_refusal

sys.path.insert(0, str(ROOT))

from benchmarks import (
    child,
    evaluation,
    first_updates,
    gpu_check,
    loader,
    machine,
    operation_times,
    port_quality,
    project_training,
    reference_port,
    run,
    startup,
    table,
    time_to_quality,
)
from benchmarks.floor import (
    PRODUCT_KINDS,
    Product,
    compute_floor,
    count_by_kind,
    count_operations,
    count_passes,
    list_shapes,
)
from benchmarks.operations import list_products
from benchmarks.process import run_child
from benchmarks.summary import Target, find_floor, list_kind_floors, list_speeds, list_targets
from benchmarks.timing import describe_updates, medians, time_calls
from benchmarks.walk import Walk
from infogan.model import architectures
from infogan.model.gan import RegularizedGAN
from infogan.recipes import mnist
from infogan.schedule import Schedule
from infogan.system import tf1
from infogan.system.messages import InputError, TrainingFailed
from infogan.system.tf1 import derive_seed, tf
from infogan.training.update import build_update

pytestmark = pytest.mark.usefixtures("wide")

TINY = dataclasses.replace(mnist.REFERENCE, batch_size=4, max_images=100)
UNUSED_OUTPUTS = 2 * (128 + 1)
"""Parameters of the two deviations that Q's last layer here could learn, and the other programs do without."""


def document(**changes):
    """What a whole run would leave, with round numbers."""
    products = [Product("generator", "1", True, 1, 50, 100), Product("trunk", "1", True, 1, 50, 100)]
    training = {"update_seconds": 0.2, "images_per_second": 640.0, "peak_bytes": 1.1e9}
    fast = {"update_seconds": 0.1, "images_per_second": 1280.0, "peak_bytes": 1.0e9, "input_seconds": 1e-4}
    memory = {"add in place": 28e6, "copy": 14e6, "triad": 20e6}
    made = {
        "date": "2016-06-12",
        "machine": {"processor": "Abacus", "cores": 2, "gpus": [], "python": "3.11.0"},
        "versions": {"tensorflow": "2.21.0"},
        "other_load": {"mean": 0.01, "most": 0.02},
        "settings": {"quick": False, "rounds": 3, "updates": 40},
        "batch_sizes": {
            "port float32": 128, "project float32": 128, "eager float32": 128, "project bfloat16": 128,
            "eager bfloat16": 128,
        },
        "titles": {
            "port float32": "port", "project float32": "infogan", "eager float32": "PyTorch",
            "project bfloat16": "infogan", "eager bfloat16": "PyTorch",
        },
        "floor_batch": 128,
        "operations": {"products": [product._asdict() for product in products], "parameters": 1000},
        "medians": {
            "port float32": training,
            "project float32": fast,
            "eager float32": {**training, "images_per_second": 320.0},
            "project bfloat16": fast,
            "eager bfloat16": {"unavailable": "PyTorch is not installed"},
            "machine float32": {"best": 128e6, "products": {"a": 1e8, "b": 128e6}, "memory": memory},
            "machine bfloat16": {"unavailable": "no instructions"},
            "startup": {"first_update_seconds": 7.5, "peak_bytes": 1.3e9},
            "evaluation": {"recognised_per_second": 5000.0, "generated_per_second": 6000.0},
            "loader": {"loaded_per_second": 350000.0, "load_seconds": 0.2},
        },
    }  # fmt: skip
    return {**made, **changes}


def test_medians_are_those_of_each_number():
    rounds = [
        {"a": 1.0, "b": {"c": 5}, "t": "x"},
        {"a": 9.0, "b": {"c": 1}, "t": "y"},
        {"a": 2.0, "b": {"c": 3}, "t": ""},
    ]
    assert medians(rounds) == {"a": 2.0, "b": {"c": 3.0}, "t": "x"}
    assert medians([{"other_load": None}, {"other_load": None}]) == {"other_load": None}


def test_warm_up_is_called_but_not_timed():
    called = []
    assert len(time_calls(lambda: called.append(1), 2, 3)) == 3
    assert len(called) == 5


def test_images_per_second_follow_from_the_median_update():
    assert describe_updates([0.5, 0.1, 0.25], 100)["images_per_second"] == 400.0


def test_floor_of_a_network_counted_by_hand():
    """A dense layer 3 -> 5 of G on 2 images: latents need no gradient, so two forward passes and a weight gradient."""
    product = Product("generator", "dense", True, 1, 3, 5)
    assert count_passes(product) == (2, 1, 0)
    assert count_operations(product, 2) == 2 * (2 * 3 * 5) * 3
    floor = compute_floor([product], parameters=15, batch_size=2, operations_per_second=18.0, bytes_per_second=42.0)
    assert floor == (10.0, 10.0)
    assert floor.seconds == 20.0


def test_operations_are_those_of_the_graph_that_trains(spec):
    """Counted from the shapes of all products that the update's operation really runs."""
    with tf.Graph().as_default() as graph:
        model = RegularizedGAN(spec.output_dist, spec.latent_spec, spec.network, spec.leaky_rate, 0)
        update = build_update(model, spec, tf.zeros([100, 28, 28, 1], tf.uint8))
        needed = tf.graph_util.extract_sub_graph(graph.as_graph_def(), [update.step.name, update.values.op.name])
        counted = sum(count_in_graph(graph.get_operation_by_name(node.name)) for node in needed.node)
    products, _ = list_products(spec)
    # One pass over both halves sends real images through Q too, once in each direction, for nothing.
    wasted = sum(3 * 2 * product.k * product.n for product in products if product.part == "recognition")
    assert counted == sum(count_operations(product, spec.batch_size) for product in products) + wasted * spec.batch_size


def count_in_graph(operation):
    """Additions and multiplications of one operation of a graph: a filter's numbers times the pixels it is put on."""
    if operation.type not in ("MatMul", "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"):
        return 0
    shapes = [tensor.shape.as_list() for tensor in operation.inputs]
    if operation.type == "MatMul":
        contracted = shapes[0][0 if operation.get_attr("transpose_a") else 1]
        return 2 * math.prod(operation.outputs[0].shape.as_list()) * contracted
    if operation.type == "Conv2D":
        return 2 * math.prod(shapes[1]) * math.prod(operation.outputs[0].shape.as_list()[:3])
    if operation.type == "Conv2DBackpropInput":
        return 2 * math.prod(shapes[1]) * math.prod(shapes[2][:3])
    return 2 * math.prod(operation.outputs[0].shape.as_list()) * math.prod(shapes[2][:3])


def test_parameters_are_those_of_table_1():
    _, parameters = list_products(mnist.PAPER)
    generator = 74 * 1024 + 1024 * 6272 + 16 * 128 * 64 + 16 * 64 + 1 + 2 * (1024 + 6272 + 64)
    trunk = 16 * 64 + 64 + 16 * 64 * 128 + 6272 * 1024 + 2 * (128 + 1024)
    heads = 1024 + 1 + 1024 * 128 + 2 * 128 + 128 * 12 + 12
    assert parameters == generator + trunk + heads + UNUSED_OUTPUTS


def test_shapes_leave_out_small_layers_and_doubles():
    large = Product("trunk", "large", False, 1, 1000, 1000)
    shapes = list_shapes([large, large._replace(layer="twin"), Product("trunk", "small", False, 1, 10, 10)], [2, 4])
    kinds = ("forward", "weight gradient", "input gradient")
    assert shapes == [(kind, rows, 1000, 1000) for rows in (2, 4) for kind in kinds]


def test_share_of_the_floor_and_ratios():
    """G 2 + 1 and the trunk 3 + 2 + 1 passes of 10,000 operations for 128 images at 128e6 a second: 0.09 s.

    And 1,000 parameters of 28 bytes at 28e6 bytes a second: 0.001 s.
    """
    assert find_floor(document(), "float32", 128) == pytest.approx((0.09, 0.001))
    assert find_floor(document(), "bfloat16", 128) is None
    speeds = {speed.name: speed for speed in list_speeds(document())}
    project = speeds["project float32"]
    assert (project.times_port, project.times_eager) == (2.0, 4.0)
    assert project.share_of_floor == pytest.approx(0.91)
    assert speeds["project bfloat16"].share_of_floor is None
    assert speeds["eager bfloat16"].times_port is None


def test_targets_hold_on_their_own_side():
    assert Target("x", 2.0, "at least", 2.0, "{}").holds and not Target("x", 2.0, "at least", 1.9, "{}").holds
    assert Target("x", 2.0, "at most", 2.0, "{}").holds and not Target("x", 2.0, "at most", 2.1, "{}").holds
    assert Target("x", 2.0, "at most", None, "{}").holds is None
    assert [target.holds for target in list_targets(document())] == [False, True, True, None, True, True, False]


def test_tables_show_what_was_measured_and_what_was_not():
    text = table.format_document(document())
    assert "| infogan | float32 | 128 | 100.0 | 1280 | 2.00 | 4.00 | 91% | 1.00 |" in text
    assert "| PyTorch | bfloat16 | 128 | not measured: PyTorch is not installed | - |" in text
    assert "| bfloat16, share of the floor | at least 70% | not measured | - |" in text
    assert "| command to first update | at most 8.0 s | 7.5 s | yes |" in text
    assert "100 us, 0.10% of an update" in text
    assert "Not to be quoted" not in text
    for rows in (block.splitlines() for block in text.split("\n\n") if block.startswith("|")):
        assert len({row.count("|") for row in rows}) == 1, rows


@pytest.mark.parametrize(
    "changes",
    [{"other_load": {"mean": 1.5, "most": 1.7}}, {"settings": {"quick": True, "rounds": 1, "updates": 6}}],
)
def test_a_doubtful_run_says_so(changes):
    assert "**Not to be quoted:" in table.format_document(document(**changes))


def test_text_goes_between_the_markers_and_nowhere_else():
    page = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    once = table.insert(page, "new\n")
    assert once == f"before\n{table.BEGIN}\n\nnew\n\n{table.END}\nafter\n"
    assert table.insert(once, "new\n") == once
    for broken in ("no marker", page + page, page.replace(table.END, "")):
        with pytest.raises(InputError, match="once each, is needed"):
            table.insert(broken, "new")


def test_page_of_the_docs_has_its_markers():
    table.insert(run.PAGE.read_text(), "new")


@pytest.mark.parametrize("name", ["2026-11-23", "2026-11-23-avx2"])
def test_page_of_the_docs_has_what_was_measured(name):
    results = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
    page = run.PAGE.read_text().splitlines()
    assert table.format_conditions(results) in page
    rows = [line for line in table.format_document(results).splitlines() if line.startswith("| ")]
    measured = [row for row in rows if table.UNKNOWN not in row]
    assert len(measured) > 30
    assert not set(measured) - set(page)


@pytest.mark.parametrize("content", ["no json", "[]", "{}", None])
def test_show_refuses_what_is_no_result(tmp_path, capsys, content):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    assert run.main(["--show", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "x.json" in error


def test_output_into_no_folder_is_refused_before_anything_is_measured(tmp_path, capsys):
    assert run.main(["--output", str(tmp_path / "missing" / "x.json")]) == 2
    assert "missing is no folder. Make it." in capsys.readouterr().err


def test_show_prints_the_tables_of_a_file(tmp_path, capsys):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document()))
    assert run.main(["--show", str(path)]) == 0
    assert capsys.readouterr().out == table.format_document(document()) + "\n"


def test_names_of_programs_are_unique_and_end_with_the_precision():
    programs = run.list_programs(run.FULL, "folder", sys.executable)
    assert len({program.name for program in programs}) == len(programs)
    for program in programs:
        if program.batch_size:
            assert json.loads(program.options["spec"])["precision"] == program.name.split()[-1]


def test_a_precision_that_the_machine_lacks_is_reported(monkeypatch):
    monkeypatch.setattr(tf1, "cpu_has_bfloat16", lambda: False)
    spec = dataclasses.replace(TINY, precision="bfloat16").to_json()
    result = child.main("project_training", json.dumps({"spec": spec, "warm_up": 0, "updates": 1}))
    assert "bfloat16 was given" in result["unavailable"]


def test_a_process_gives_its_result_or_its_error():
    result = run_child("loader", {"calls": 1})
    assert result["loaded_per_second"] == pytest.approx(70_000 / result["load_seconds"])
    assert result["other_load"] is None or result["other_load"] >= 0
    with pytest.raises(TrainingFailed, match="unexpected keyword argument"):
        run_child("loader", {"nonsense": 1})


@pytest.mark.parametrize(
    "measure",
    [functools.partial(project_training.measure, updates_per_call=2), reference_port.measure],
    ids=["project", "port"],
)
def test_training_programs_measure(measure):
    result = measure(TINY.to_json(), warm_up=1, updates=2)
    assert result["images_per_second"] == pytest.approx(4 / result["update_seconds"])
    assert result["peak_bytes"] > 13e6 * 4 * 4  # weights, gradients and moments of Table 1's networks
    assert 0 < result.get("input_seconds", 0.01) < math.inf


LAUNCHER = """
import json, pathlib, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print("epoch 1/2, update 100: D 1.2")
print(f"update 1,100/2,200: error of digit 7.5 % so far (1,000 {options['--recipe']} images)")
print("update 2,000/2,200: error of digit 4.9 % so far (1,000 training images)")
folder = pathlib.Path(options["--log-dir"]) / options["--run-name"]
folder.mkdir(parents=True)
rows = [{"name": "error rate", "code": "digit", "ours": 0.03}, {"name": "error rate", "code": "other", "ours": 0.9}]
folder.joinpath("report.json").write_text(json.dumps({"update": 2200, "metrics": rows}))
sys.exit(options["--seed"] == "7")
"""


def test_a_run_is_timed_until_its_error_is_low(tmp_path, monkeypatch):
    monkeypatch.setattr(startup, "LAUNCHER", tmp_path / "launcher.py")
    startup.LAUNCHER.write_text(LAUNCHER)
    found = time_to_quality.measure("fast", seed=0, every=100)
    seconds, updates, errors = zip(*found["curve"], strict=True)
    assert (updates, errors) == ((1100, 2000, 2200), (0.075, pytest.approx(0.049), 0.03))
    assert 0 < seconds[0] <= seconds[1] == found["wanted_seconds"] < seconds[2]
    assert found["lowest_error"] == 0.03
    with pytest.raises(RuntimeError, match="status 1"):
        time_to_quality.measure("fast", seed=7, every=100)


def test_the_port_is_timed_until_its_error_is_low():
    spec = dataclasses.replace(TINY, max_epoch=1, updates_per_epoch=3)
    found = port_quality.measure(spec.to_json(), seed=1, every=2)
    assert [point[1] for point in found["curve"]] == [2, 3]
    assert 0 < found["lowest_error"] <= 1 and found["wanted_seconds"] is None
    first, again, other = (next(reference_port.draw_batches(np.arange(100), 100, seed)).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_a_table_of_whole_trainings_names_who_never_gets_there(tmp_path, monkeypatch):
    never = time_to_quality.describe_curve([[60.0, 100, 0.3], [120.0, 200, 0.21]])
    soon = time_to_quality.describe_curve([[60.0, 100, 0.06], [90.0, 200, 0.05], [180.0, 300, 0.07]])
    later = time_to_quality.describe_curve([[210.0, 200, 0.04]])
    (tmp_path / "found.json").write_text(
        json.dumps(document(trained={"infogan": [soon, later], "port": [soon, never]}))
    )
    monkeypatch.setattr(run, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(run, "CURVES", tmp_path / "curves.png")
    run.PAGE.write_text(f"{table.BEGIN}\n{table.END}\n")
    assert run.main(["--show", str(tmp_path / "found.json"), "--write-docs"]) == 0
    text = run.PAGE.read_text()
    assert "| infogan | 1.5, 3.5 | 2.5 | 3.5 | 5.0%, 4.0% | 3.0, 3.5 |" in text
    assert "| port | 1.5, never | - | never | 5.0%, 21.0% | 3.0, 2.0 |" in text
    assert imageio.imread(run.CURVES).shape[:2] == (440, 770)


def test_first_updates_are_told_one_by_one():
    found = first_updates.measure(TINY.to_json(), 2)
    assert len(found["values"]) == 2
    assert found["values"][0] != found["values"][1]
    assert found["values"][0][found["names"].index("loss/discriminator")] == pytest.approx(2 * math.log(2), abs=0.3)


class FakeChildren:
    """Stands for processes: each takes 10 s of a clock. A GPU's update takes 2 ms more than its calls' share of 8."""

    def __init__(self, monkeypatch):
        self.now, self.asked = 0.0, []
        monkeypatch.setattr(gpu_check.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(gpu_check, "run_child", self.run)

    def run(self, module, options, environment):
        self.now += 10.0
        self.asked.append((module, options, environment))
        if module == "first_updates":
            shift = 0.0 if environment == gpu_check.CPU else 0.01 if environment else 0.02
            return {"names": ["loss", "accuracy"], "values": [[2.0 + shift, 0.0], [4.0, 0.0005 + shift]]}
        seconds = 0.002 + 0.008 / options["updates_per_call"]
        return {"update_seconds": seconds, "images_per_second": 128 / seconds, "peak_bytes": 1}


def test_the_gpu_check_compares_ways_and_ends_in_time(monkeypatch):
    children, said = FakeChildren(monkeypatch), []
    settings = {"seconds": 160, "calls": (1, 4), "timed": 20, "compared": 2, "updates": 1000}
    found = gpu_check.measure(settings, {"reference": TINY, "default": TINY}, said.append)
    assert len(found["speeds"]) == 9  # they begin in the first 80 seconds
    assert len(found["skipped"]) == 16 - 9
    assert all("XLA" in name for name in found["skipped"])
    assert found["differences"]["largest"]["TF32"] == [pytest.approx(0.01), pytest.approx(20.0)]
    assert found["differences"]["largest"]["float32"] == [pytest.approx(0.005), pytest.approx(10.0)]
    best = found["whole"]["reference"]
    assert best["case"] == "reference, TF32, 4 a call"
    assert best["trained"] == 1000
    assert best["seconds"] == pytest.approx(4.0)
    assert children.asked[-2][1]["updates"] == 250
    assert len(said) == 9 + 2 + 2


def test_the_gpu_check_trains_fewer_updates_where_time_is_short(monkeypatch):
    FakeChildren(monkeypatch)
    settings = {"seconds": 96, "calls": (1,), "timed": 20, "compared": 2, "updates": 1000}
    found = gpu_check.measure(settings, {"reference": TINY, "default": TINY}, lambda line: None)
    assert [whole["trained"] for whole in found["whole"].values()] == [800, 300]  # half of 16 and of 6 seconds
    short = gpu_check.measure({**settings, "seconds": 12}, {"reference": TINY, "default": TINY}, lambda line: None)
    assert list(short["whole"]) == ["reference"]
    assert found["whole"]["default"]["seconds"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ([], "gpu: TensorFlow finds none here, but one is needed"),
        (["--output", "no/folder/x.json"], "--output: no/folder/x"),
    ],
)
def test_the_gpu_check_refuses(capsys, monkeypatch, arguments, refusal):
    monkeypatch.setattr(gpu_check, "find_gpus", list)
    assert refusal in read_refusal(capsys, gpu_check.main, arguments)


def test_port_trains_the_network_of_each_step_and_only_that():
    with tf.Graph().as_default():
        tf.set_random_seed(0)  # four images: D's first answers are far enough from 1/2 on one seed in a few
        images_in, d_step, g_step, logged = reference_port.build(TINY)
        weights = tf.trainable_variables()
        of_d, of_g = ([w for w in weights if w.name.startswith(side)] for side in ("d_", "g_"))
        biases = 1024 + 6272 + 64 + 128 + 1024 + 128  # before batch norm
        count = sum(math.prod(weight.shape.as_list()) for weight in weights)
        assert count == list_products(TINY)[1] - UNUSED_OUTPUTS + biases
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            feed = {images_in: np.random.default_rng(0).random((4, 784))}
            before = session.run([of_d, of_g])
            # D is undecided at the start, and Q knows nothing: 2 ln 2 plus what Q's guess at two codes costs.
            d_loss, g_loss, categorical, *_ = session.run([d_step, *logged], feed)[1:]
            assert d_loss - g_loss == pytest.approx(math.log(2), abs=0.2)
            assert categorical == pytest.approx(0.0, abs=0.2)
            between = session.run([of_d, of_g])
            session.run(g_step, feed)
            after = session.run([of_d, of_g])
    assert any_differs(before[0], between[0]) and not any_differs(before[1], between[1])
    assert not any_differs(between[0], after[0]) and any_differs(between[1], after[1])


def any_differs(before, after):
    return any(not np.array_equal(a, b) for a, b in zip(before, after))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_torch_measures_the_same_network(precision, monkeypatch):
    if not run.TORCH_PYTHON.exists():
        pytest.skip("PyTorch is not installed: `make bench` does it")
    spec = dataclasses.replace(TINY, precision=precision).to_json()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # its threads wait busily for each other
    options = {"spec": spec, "warm_up": 0, "updates": 2, "tuned": precision == "float32"}
    result = run_child("torch_training", options, run.TORCH_PYTHON)
    if precision == "bfloat16" and not tf1.cpu_has_bfloat16():
        assert "no instructions" in result["unavailable"]
        return
    assert result["parameters"] == list_products(TINY)[1] - UNUSED_OUTPUTS
    assert result["images_per_second"] == pytest.approx(4 / result["update_seconds"])


def test_rates_of_the_machine():
    rates = machine.measure_products(list_shapes([Product("trunk", "1", False, 2, 30, 40)], [4]), "float32", calls=2)
    assert list(rates) == ["forward 8x30x40", "weight gradient 8x30x40", "input gradient 8x30x40"]
    assert all(1e3 < rate < 1e14 for rate in rates.values())
    assert all(1e6 < rate < 1e13 for rate in machine.measure_memory(1, calls=2).values())


def test_time_is_divided_among_what_runs_and_none_is_lost():
    """A from 0 to 4, B from 2 to 8 and from 9 to 10, C from 3 to 4: from 2 to 3 two share, from 3 to 4 three."""
    times = operation_times.divide_time([(0, 4, "A"), (2, 8, "B"), (3, 4, "C"), (9, 10, "B"), (5, 5, "A")])
    assert times["A"] == pytest.approx(2 + 1 / 2 + 1 / 3)
    assert times["B"] == pytest.approx(1 / 2 + 1 / 3 + 4 + 1)
    assert times["C"] == pytest.approx(1 / 3)
    assert times[operation_times.BETWEEN] == pytest.approx(1)
    assert sum(times.values()) == pytest.approx(10)


def test_a_trace_written_by_hand():
    """A rectifier of 16 bytes from 1 to 3 ms after the start, then the filter's gradient from it until 7 ms."""
    trace = tf.RunMetadata().step_stats
    nodes = trace.dev_stats.add().node_stats
    for name, operation, start, end, size in (
        ("x", "Const()", 0, 0, 16),
        ("trunk/LeakyRelu", "LeakyRelu(x, ^y)", 1, 3, 16),
        ("gradients/c_grad/F", "_MklNativeConv2DBackpropFilter(trunk/LeakyRelu, x:1, handle)", 3, 7, 64),
    ):
        node = nodes.add(node_name=name, timeline_label=f"[mklcpu 1MB] {name} = {operation}", all_start_nanos=10**9)
        node.op_start_rel_nanos, node.op_end_rel_nanos = start * 10**6, end * 10**6
        node.output.add().tensor_description.allocation_description.requested_bytes = size
    found = operation_times.describe_trace(trace)
    assert {kind: ms for kind, ms in found["seconds"].items() if ms} == pytest.approx(
        {"rectifiers": 0.002, "convolutions, weight gradient": 0.004, "between operations": 0.001}
    )
    assert found["update_seconds"] == pytest.approx(0.007)
    assert found["bytes"]["rectifiers"] == 16 + 16
    assert found["bytes"]["convolutions, weight gradient"] == 16 + 64


def test_every_product_of_a_traced_update_has_its_kind():
    """Of dense layers G has two, the trunk and D one each, Q two; of convolutions G and the trunk have two each."""
    spec = dataclasses.replace(mnist.DEFAULT, batch_size=4, max_images=100, precision="float32")
    result = operation_times.measure(spec.to_json(), warm_up=0, updates=1)
    assert {kind: count for kind, count in result["operations"].items() if kind in PRODUCT_KINDS} == {
        "dense layers, forward": 6 + 6,  # D's step and G's
        "dense layers, weight gradient": 4 + 2,
        "dense layers, input gradient": 4 + 5,  # none by the latents
        "convolutions, forward": 4 + 4,
        "convolutions, weight gradient": 2 + 2,
        "convolutions, input gradient": 1 + 4,  # none by the images in D's step
    }
    assert tuple(result["seconds"]) == tuple(result["bytes"]) == operation_times.KINDS
    assert sum(result["seconds"].values()) == pytest.approx(result["update_seconds"])
    assert all(result["seconds"].values())
    moved = 4 * (list_products(spec)[1])
    assert result["bytes"]["length of all gradients"] == pytest.approx(moved, rel=1e-4)


def test_operations_by_kind_are_all_operations():
    products, _ = list_products(mnist.REFERENCE)
    counts = count_by_kind(products, 128)
    assert list(counts) == PRODUCT_KINDS
    assert sum(counts.values()) == sum(count_operations(product, 128) for product in products)
    assert counts["convolutions, weight gradient"] == 128 * 2 * sum(
        product.m * product.k * product.n * (1 if product.part == "generator" else 2)
        for product in products
        if "conv" in product.layer
    )


def test_floors_of_kinds():
    """Products at 128e6 operations a second, and memory at 28e6 bytes a second: 42e6 bytes of casts need 1.5 s."""
    kinds = {"seconds": {"casts": 2.0, "Adam": 1.0, "dense layers, forward": 0.5}, "update_seconds": 3.5}
    kinds |= {"bytes": {"casts": 42e6, "Adam": 1.0, "dense layers, forward": 7.0}, "batch_size": 128}
    made = document()
    made["operations"]["products"] = [product._asdict() for product in (
        Product("generator", "0_dense", True, 1, 50, 100), Product("trunk", "0_conv", True, 1, 50, 100))]  # fmt: skip
    made["medians"] |= {"kinds reference float32": kinds, "kinds reference bfloat16": {"unavailable": "no"}}
    floors = list_kind_floors(made, "kinds reference float32")
    assert floors["casts"] == pytest.approx(1.5)
    assert floors["Adam"] == pytest.approx(0.001)
    assert floors["dense layers, forward"] == pytest.approx(2 * 5000 * 2 * 128 / 128e6)
    assert floors["convolutions, weight gradient"] == pytest.approx(2 * 5000 * 2 * 128 / 128e6)
    text = table.format_document(made)
    assert "| kind | reference float32, ms | floor |" in text
    assert "| casts | 2000.0 | 1500.0 |" in text
    assert "| an update | 3500.0 | 1591.0 |" in text
    assert "Where the time goes" not in table.format_document(document())


def test_evaluation_and_loader_measure(smoke_run, monkeypatch):
    monkeypatch.setattr(architectures, "FIRST_CHANNELS", FEW_CHANNELS)  # of the smoke run
    root = smoke_run[0].parent.parent
    result = evaluation.measure(root, "smoke", images=20, calls=1)
    assert result.keys() == {"recognised_per_second", "generated_per_second"} and min(result.values()) > 0
    assert loader.measure(calls=1)["loaded_per_second"] > 0


def test_a_walk_counts_files_and_changes_of_file():
    walk = Walk()
    sys.setprofile(walk.hear)
    try:
        Schedule.from_text("none")
        derive_seed(0, "a")
        derive_seed(0, "b")
        Schedule.from_text("none")
    finally:
        sys.setprofile(None)
    assert [path.rpartition("infogan/")[2] for path in walk.files] == ["schedule.py", "system/tf1.py"]
    assert walk.changes == 3
    assert (walk.frames, walk.changes_before_training) == (None, None)
