"""Where an update's time goes: TensorFlow's own trace of it, by kind of operation."""

import re
from collections import Counter

from benchmarks.floor import (
    ADAM,
    CONVOLUTIONS,
    DENSE,
    FORWARD,
    INPUT_GRADIENT,
    PRODUCT_KINDS,
    WEIGHT_GRADIENT,
)
from benchmarks.project_training import open_training
from benchmarks.timing import medians, time_calls
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError
from infogan.system.tf1 import find_gpus, tf

CASTS, BATCH_NORM, RECTIFIERS = "casts", "batch norm", "rectifiers"
LENGTH, AUGMENTATION = "length of all gradients", "augmentation"
REST, BETWEEN = "all other operations", "between operations"
KINDS = (*PRODUCT_KINDS, CASTS, BATCH_NORM, RECTIFIERS, ADAM, LENGTH, AUGMENTATION, REST, BETWEEN)
"""In all of them together lies every moment of an update, once."""

MOVES_NOTHING = ("Const", "ExpandDims", "Identity", "ReadVariableOp", "Reshape", "Squeeze", "VarHandleOp")
"""Types of operations that hand on what lies in memory."""


def measure(spec, warm_up, updates):
    """Traces updates, one by one.

    Args:
      spec: JSON of an ExperimentSpec.
      warm_up: updates that are not traced.
      updates: updates that are.

    Returns:
      dict: for each of KINDS `seconds`, the median over the updates, `operations`, how many there are in one, and
      `bytes`, the tensors that they read and write; `update_seconds`, the median of a traced update from its first
      operation to its last; `batch_size`.

    Raises:
      InputError: if this machine does not compute the spec's precision, or has a GPU, which is busy after TensorFlow's
        operations have ended.
    """
    if find_gpus():
        raise InputError("GPU", "there is one, but operations are traced on CPUs alone. Use TensorFlow's profiler.")
    spec = ExperimentSpec.from_json(spec)
    traces = []
    with open_training(spec) as training:
        time_calls(lambda: training.run(1), 0, warm_up)
        for _ in range(updates):
            metadata = tf.RunMetadata()
            options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
            training.session.run(training.call.fetches, options=options, run_metadata=metadata)
            traces.append(describe_trace(metadata.step_stats))
    return {**medians(traces), "batch_size": spec.batch_size}


def describe_trace(step_stats):
    """`seconds`, `operations`, `bytes` and `update_seconds` of one StepStats, as `measure` returns them."""
    nodes = [node for device in step_stats.dev_stats for node in device.node_stats]
    sizes = {node.node_name: [_count_bytes(output) for output in node.output] for node in nodes}
    intervals, counts, moved = [], Counter(), Counter()
    for node in nodes:
        kind, operation, inputs = _read_label(node)
        start = node.all_start_nanos + node.op_start_rel_nanos
        intervals.append((start, node.all_start_nanos + node.op_end_rel_nanos, kind))
        counts[kind] += 1
        if operation not in MOVES_NOTHING:
            moved[kind] += sum(sizes[node.node_name]) + sum(_find_size(sizes, name) for name in inputs)
    nanoseconds = divide_time(intervals)
    return {
        "seconds": {kind: nanoseconds[kind] / 1e9 for kind in KINDS},
        "operations": {kind: counts[kind] for kind in KINDS},
        "bytes": {kind: moved[kind] for kind in KINDS},
        "update_seconds": sum(nanoseconds.values()) / 1e9,
    }


def _count_bytes(output):
    return output.tensor_description.allocation_description.requested_bytes


def _find_size(sizes, name):
    """Bytes of an input such as "trunk/split:1"; 0 of what the trace has no tensor of, such as a variable's handle."""
    node, _, number = name.partition(":")
    outputs = sizes.get(node, [])
    return outputs[int(number or 0)] if int(number or 0) < len(outputs) else 0


def _read_label(node):
    """Kind, type and inputs of a traced operation, whose label is "[memory] name = Type(input, ...)"."""
    operation, _, inputs = node.timeline_label.rpartition(" = ")[2].partition("(")
    return find_kind(node.node_name, operation), operation, inputs.rstrip(")").split(", ")


def find_kind(name, operation):
    """Which of KINDS an operation is.

    Args:
      name: in the graph, "gradients/trunk/6_dense/MatMul_grad/MatMul_1"; `tf.gradients` names what it makes after what
        it derives.
      operation: type, such as "MatMul", or what TensorFlow puts in its place, such as "_MklFusedMatMul".
    """
    if re.search(r"(^|/)augmentation(_\d+)?/", name):
        return AUGMENTATION
    if name.startswith("global_norm"):
        return LENGTH
    if name.startswith("adam_"):
        return ADAM
    if "MatMul" in operation or "Conv2D" in operation:
        return f"{DENSE if 'MatMul' in operation else CONVOLUTIONS}, {_find_way(name, operation)}"
    if operation == "Cast":
        return CASTS
    if "batch_norm" in name:
        return BATCH_NORM
    return RECTIFIERS if operation in ("Relu", "ReluGrad", "LeakyRelu", "LeakyReluGrad") else REST


def _find_way(name, operation):
    """Whether a product goes forward, or which gradient it is."""
    if not name.startswith("gradients"):
        return FORWARD
    is_of_weights = "Filter" in operation or "_grad/MatMul_1" in name  # of the second factor
    return WEIGHT_GRADIENT if is_of_weights else INPUT_GRADIENT


def divide_time(intervals):
    """How long each kind was busy: a moment in which several operations run is divided among them.

    Args:
      intervals: list of (start, end, kind).

    Returns:
      Counter of kind -> time; with BETWEEN, when nothing ran, they add up to the time from the first start to the last
      end.
    """
    events = sorted(event for start, end, kind in intervals for event in ((start, 1, kind), (end, -1, kind)))
    times, running = Counter(), Counter()
    before = events[0][0]
    for moment, change, kind in events:
        count = running.total()
        for other in running:
            times[other] += (moment - before) * running[other] / count if count else 0
        times[BETWEEN] += 0 if count else moment - before
        running[kind] += change
        before = moment
    return times
