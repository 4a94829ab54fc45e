"""InfoGANTrainer: runs updates in a session, logs, saves, and goes on from where a run stopped."""

import contextlib
import dataclasses
import functools
import math
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from infogan import grids
from infogan.codes import MOST_SHOWN, ROWS, sweep_latents, vary_discrete_codes
from infogan.data.lazy_images import Images, LazyImages, content, cut
from infogan.distributions import DistInfo
from infogan.model.gan import RegularizedGAN
from infogan.model.layers import REAL, Normalisation
from infogan.spec import ExperimentSpec
from infogan.system.messages import NumbersFailed, say, show_progress
from infogan.system.tf1 import Session, Tensor, derive_seed, find_gpus, session_config, tf
from infogan.training.checkpoints import Checkpoints, describe_bad, describe_last_checkpoint, find_checkpoints
from infogan.training.placement import Agreement, OneDevice
from infogan.training.run_folder import RunFolder
from infogan.training.run_log import Progress, RunLog, Unrecorded
from infogan.training.signals import StopSignals
from infogan.training.update import UpdateCall, build_loop, build_settling, build_swap, build_update, join_updates

MOST_FRAMES = 50
"""Frames in the film of a training, however long it is."""

PREVIEW_UPDATES, MOST_PREVIEWS = 200, 500
"""Updates between two previews, and how many there are at most in a run, which are then further apart."""
PREVIEW_SHARE = 0.01
"""Of the time that a run takes, what previews may: the next waits until the last is as little."""

SETTLING_BATCHES = 50
"""Batches on which batch norm's averages settle after the last update."""


CALL_SECONDS, MOST_UPDATES_PER_CALL = 0.5, 100
"""How long a session run should take on a GPU, where updates are short: a signal waits for its end."""

MOST_BYTES_ON_DEVICE = 2**30
"""Sets up to this lie on the device. Larger ones stay in their file (`infogan.data.pixel_cache`), from which each
batch is read; the system keeps as much of it in memory as there is room for."""


class FirstLook(NamedTuple):
    """What is measured of a run while it trains; the labels that it may need stay with whoever makes it.

    Attributes:
      every: updates between two measurements, at least 1.
      images: uint8 array [N, H, W, C] or LazyImages, real images that Q reads, before batch norm's averages settle.
      measure: function of Q's posteriors of them, dict of code name -> `dist_info` of arrays [N, dim]. It returns the
        numbers, dict of `group/name` -> float, and what is told of them.
    """

    every: int
    images: Images
    measure: Callable[[dict[str, DistInfo]], tuple[dict[str, float], str]]


class InfoGANTrainer:
    """Trains the experiment of a spec. The whole graph is built here and finalised.

    Args:
      images: uint8 array [N, H, W, C] or LazyImages, the training set; no label comes near the trainer.
      folder: RunFolder, created.
      stop: StopSignals, entered.
      updates_per_call: most updates in a session run; None is as many as CALL_SECONDS hold on a GPU, and 1 on a CPU or
        with several processes. Results do not depend on it.
      distribution: where to train, of `infogan.training.placement`; None is OneDevice(). Of several processes the
        chief alone writes.
      stream: which random numbers draw latents, images and their order; 0 are the seed's own.
      checkpoint_seconds: most time between two checkpoints, give or take a call; the spec bounds the updates.
      jit_compile: True lets XLA compile the update.
      look: None, or what is measured during the training. It changes nothing else.
    """

    def __init__(
        self,
        spec: ExperimentSpec,
        images: Images,
        folder: RunFolder,
        stop: StopSignals,
        updates_per_call: int | None = None,
        distribution: OneDevice | None = None,
        stream: int = 0,
        checkpoint_seconds: float = 600.0,
        jit_compile: bool = False,
        look: FirstLook | None = None,
    ) -> None:
        self._spec, self._images, self._folder, self._stop = spec, images, folder, stop
        self._checkpoint_seconds, self._look = checkpoint_seconds, look
        self._jit_compile = jit_compile
        self._distribution = distribution or OneDevice()
        # Processes that train together must perform equally many.
        self._chooses_updates = updates_per_call is None and self._distribution.processes == 1 and bool(find_gpus())
        self._updates_per_call = updates_per_call or 1
        self._is_chief = self._distribution.is_chief
        self._frame_interval = math.ceil(spec.max_epoch / MOST_FRAMES)
        self._preview_interval = max(PREVIEW_UPDATES, math.ceil(spec.updates / MOST_PREVIEWS))
        self._next_preview = 0.0
        self._draws = dataclasses.replace(spec, seed=derive_seed(spec.seed, "stream", stream)) if stream else spec
        draws, run = self._draws, self._distribution.run
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._images_in = tf.placeholder(tf.uint8, images.shape)
            copies = self._distribution.place(self._place_images)
            self._load_images = [copy.initializer for copy in copies if copy is not images]
            with self._distribution.scope():
                self._agreement = Agreement(self._distribution, self._find_content())
                model = RegularizedGAN.of_spec(spec)
                self._settling_batch = tf.placeholder(tf.int64, [])
                self._settle = run(lambda images: build_settling(model, draws, images, self._settling_batch), copies)
                self._build_samples(model)
                # Last: the layers of tf.layers go back to the graph in which they were first used again, a loop's body
                # too.
                build = functools.partial(run, functools.partial(build_update, model, draws), copies)
                is_loop = self._chooses_updates or self._updates_per_call > 1
                self._call = build_loop(build) if is_loop else UpdateCall(join_updates(build()))
                self._build_checkpoints(model)
        self._graph.finalize()

    def _place_images(self) -> Any:
        """The images on a device, or as they are."""
        if isinstance(self._images, LazyImages) or self._images.nbytes > MOST_BYTES_ON_DEVICE:
            return self._images
        # A local variable: on the device, not in the checkpoints, and not a constant inside the graph.
        local = [tf.GraphKeys.LOCAL_VARIABLES]
        return tf.Variable(self._images_in, trainable=False, collections=local)

    def _find_content(self) -> int:
        """A number that trainings of different things do not share; 0 where one process trains."""
        if self._distribution.processes == 1:
            return 0  # the other number reads the whole set
        return zlib.crc32(content(self._images), zlib.crc32(self._spec.to_json().encode()))

    def _build_samples(self, model: RegularizedGAN) -> None:
        self._latents_in = tf.placeholder(tf.float32, [None, model.latent_dist.dim])
        self._generated = model.show_images(model.generate(self._latents_in))  # [N, H, W, C]
        seed = derive_seed(self._spec.seed, "samples")
        self._base_latents = model.sample_latents(ROWS, tf.constant([seed, 0], tf.int64))  # [ROWS, latent_dist.dim]
        self._look_in = tf.placeholder(tf.uint8, [None, *model.image_shape])
        on_real = Normalisation([REAL], batch_statistics=False)
        self._posteriors = model.posteriors(model.discriminate(model.read_images(self._look_in), on_real))

    def _build_checkpoints(self, model: RegularizedGAN) -> None:
        averages = self._call.averages
        self._swap = build_swap([(variable, averages[variable.op.name]) for variable in model.variables if averages])
        self._initialise = tf.global_variables_initializer()
        read = {variable.op.name: variable for variable in model.variables} | averages
        weights = {name: variable.op.name for name, variable in read.items()}
        self._checkpoints = Checkpoints(self._folder.checkpoints, weights)

    def train(self) -> None:
        """Trains a run that is not finished, from its newest checkpoint or from the start, to its end.

        After the last update batch norm's averages settle (`build_settling`), with the averages of the weights where
        there are any, and the last checkpoint is written.

        Raises:
          InputError: if the newest checkpoint or the log is damaged.
          NumbersFailed: at the update whose quantities, gradients or weights are not all finite.
          TrainingFailed: if a checkpoint cannot be written.
          Interrupted: after a signal, once the last finished update is saved.
        """
        config = session_config(self._spec.precision, self._jit_compile)
        with self._graph.as_default(), self._distribution.open_session(config) as session:
            update = self._begin(session)
            log, progress = self._open_logs(update)
            try:
                with self._stop.deferred():
                    self._run_updates(session, update, log, progress)
            finally:
                progress.close()
                log.close()

    def _begin(self, session: Session) -> int:
        """Fills the variables; returns how many updates are finished."""
        saved = find_checkpoints(self._folder.checkpoints)
        self._agreement.reach(session, saved[-1] if saved else 0, self._stop)
        session.run(self._initialise)
        if self._load_images:
            session.run(self._load_images, {self._images_in: self._images})
        if not saved:
            return 0
        self._checkpoints.restore(session, saved[-1])
        return int(session.run(self._call.counter))

    def _open_logs(self, update: int) -> tuple[Any, Any]:
        if not self._is_chief:
            return Unrecorded(), Unrecorded()
        log = RunLog(self._folder, update, update // self._spec.updates_per_epoch)
        self._folder.write_status("running", update, self._spec.updates)
        return log, Progress(update, self._spec)

    def _run_updates(self, session: Session, update: int, log: Any, progress: Any) -> None:
        spec = self._spec
        base_latents = vary_discrete_codes(spec.latent_spec, session.run(self._base_latents))
        run_updates = self._call.bind(session)
        seconds, timed_updates = 0.0, 0
        saved = time.monotonic()
        while update < spec.updates:
            started = time.monotonic()
            values, performed = run_updates(self._updates_before_pause(update))
            call_seconds = time.monotonic() - started
            seconds, timed_updates = seconds + call_seconds, timed_updates + performed
            if self._chooses_updates:
                wanted = int(CALL_SECONDS * performed / call_seconds)
                self._updates_per_call = min(max(1, wanted), MOST_UPDATES_PER_CALL)
            update += performed
            if not np.isfinite(values).all():
                raise NumbersFailed(self._describe_failure(session, update, values))
            progress.advance(update, dict(zip(self._call.names, values)))
            if update % spec.updates_per_epoch == 0:
                speed = timed_updates * spec.batch_size / seconds
                line = self._finish_epoch(session, update, speed)
                seconds, timed_updates = 0.0, 0
                if self._is_chief:
                    self._record_epoch(session, line, base_latents, log, progress)
            if self._is_chief:
                self._preview(session, update, base_latents, log)
                self._evaluate(session, update, log)
            is_stopped = self._agreement.reach(session, update, self._stop)
            is_due = time.monotonic() - saved >= self._checkpoint_seconds or update % spec.snapshot_interval == 0
            if update < spec.updates and (is_stopped or is_due):
                self._save(session, update)
                saved = time.monotonic()
            if update < spec.updates and is_stopped:
                self._stop.raise_if_received()
        progress.close()
        settling = show_progress("batch norm's averages settle", max(1, SETTLING_BATCHES), is_noted=False)
        with self._averaged_weights(session), settling as show:
            for batch in range(SETTLING_BATCHES):
                session.run(self._settle, {self._settling_batch: batch})
                show(batch + 1)
        self._save(session, update)
        # The others leave once the chief has saved; whether they do so in good order no longer matters to it.
        with contextlib.suppress(*([tf.errors.OpError] if self._is_chief else [])):
            self._agreement.reach(session, update, self._stop)

    @contextlib.contextmanager
    def _averaged_weights(self, session: Session) -> Iterator[None]:
        """The networks compute with the averages of the weights, as a finished run does, where there are any."""
        session.run(self._swap)
        try:
            yield
        finally:
            session.run(self._swap)

    def _updates_before_pause(self, update: int) -> int:
        """How many updates the next call may perform: none beyond whatever happens after certain updates."""
        spec = self._spec
        pauses = [spec.updates, spec.updates_per_epoch, spec.snapshot_interval, self._preview_interval]
        pauses += [self._look.every] if self._look else []
        return min(self._updates_per_call, *(pause - update % pause for pause in pauses))

    def _save(self, session: Session, update: int) -> None:
        if self._is_chief:
            self._checkpoints.save(session, update)

    def _record_epoch(
        self, session: Session, line: dict[str, Any], base_latents: np.ndarray, log: Any, progress: Any
    ) -> None:
        update = line["update"]
        log.write_metrics(line)
        progress.report_epoch(line)
        if line["epoch"] % self._frame_interval == 0:
            with self._averaged_weights(session):
                pictures = self._draw_samples(session, base_latents)
            log.write_pictures(pictures, update)
        self._folder.write_status("running", update, self._spec.updates)

    def _preview(self, session: Session, update: int, base_latents: np.ndarray, log: Any) -> None:
        """Replaces preview.png, where it is time."""
        started, is_last = time.monotonic(), update == self._spec.updates
        if not is_last and (update % self._preview_interval or started < self._next_preview):
            return
        with self._averaged_weights(session):
            picture = self._draw_sweep(session, self._spec.codes[0].name, base_latents)
        log.write_preview(picture, update)
        self._next_preview = started + (time.monotonic() - started) / PREVIEW_SHARE

    def _evaluate(self, session: Session, update: int, log: Any) -> None:
        """Measures, logs and tells how far Q is, where it is time."""
        if self._look is None or update % self._look.every or update == self._spec.updates:  # the report follows
            return
        with self._averaged_weights(session):
            posteriors = self._run_batches(session, self._posteriors, self._look_in, self._look.images)
        values, text = self._look.measure(posteriors)
        log.write_evaluation({"update": update, **values})
        say(f"update {update:,}/{self._spec.updates:,}: {text}")

    def _finish_epoch(self, session: Session, update: int, images_per_second: float) -> dict[str, Any]:
        """The epoch's means, as an object for metrics.jsonl; starts the next epoch's sums."""
        spec = self._spec
        means = session.run(self._call.totals) / spec.updates_per_epoch
        session.run(self._call.clear_totals)
        return {
            "epoch": update // spec.updates_per_epoch,
            "update": update,
            "images_seen": update * spec.batch_size // spec.copies,
            **{name: float(mean) for name, mean in zip(self._call.names, means)},
            "speed/images_per_second": images_per_second,
        }

    def _draw_samples(self, session: Session, base_latents: np.ndarray) -> dict[str, np.ndarray]:
        """A picture of each of the first codes, of the same latents each time."""
        shown = self._spec.codes[:MOST_SHOWN]
        return {code.name: self._draw_sweep(session, code.name, base_latents) for code in shown}

    def _draw_sweep(self, session: Session, code: str, base_latents: np.ndarray) -> np.ndarray:
        latents = sweep_latents(self._spec.latent_spec, code, base_latents, self._spec.sweep_limit)
        flat = latents.reshape(-1, latents.shape[-1])  # [ROWS * columns, dim]
        images = self._run_batches(session, self._generated, self._latents_in, flat)  # [ROWS * columns, H, W, C]
        return grids.shrink(grids.tile(images.reshape(*latents.shape[:2], *images.shape[1:])))

    def _run_batches(self, session: Session, fetches: Any, placeholder: Tensor, array: Images) -> Any:
        """Fetches of a whole array, in batches no larger than those of the training, for which there is memory."""
        batches = cut(array, -(-len(array) // self._spec.batch_size))
        parts = [session.run(fetches, {placeholder: batch}) for batch in batches]
        return tf.nest.map_structure(lambda *values: np.concatenate(values), *parts)

    def _describe_failure(self, session: Session, update: int, values: np.ndarray) -> str:
        bad = [f"{name} = {value}" for name, value in zip(self._call.names, values) if not np.isfinite(value)]
        variables = self._checkpoints.find_bad(session)
        if variables:
            bad.append(f"{describe_bad(variables)} not finite")
        return f"update {update}: {', '.join(bad)}. {describe_last_checkpoint(self._folder.checkpoints)}"
