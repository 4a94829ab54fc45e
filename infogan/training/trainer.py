"""InfoGANTrainer: runs updates in a session, logs, saves, and goes on from where a run stopped."""

import dataclasses
import math
import time

import numpy as np

from infogan.devices import session_config
from infogan.errors import InputError, NumbersFailed
from infogan.models.regularized_gan import RegularizedGAN
from infogan.pictures import grids
from infogan.pictures.sweeps import ROWS, sweep_latents, vary_discrete_codes
from infogan.seeds import derive_seed
from infogan.tf1 import tf
from infogan.training.checkpoints import Checkpoints, describe_bad, describe_last_checkpoint, find_checkpoints
from infogan.training.progress import Progress
from infogan.training.run_log import RunLog
from infogan.training.updates import build_settling, build_update

MOST_FRAMES = 50
"""Frames in the film of a training, however long it is."""

SETTLING_BATCHES = 50
"""Batches on which batch norm's averages settle after the last update."""


class InfoGANTrainer:
    """Trains the experiment of a spec. The whole graph is built here and finalised.

    Args:
      spec: ExperimentSpec.
      images: uint8 array [N, H, W, C], the training set; no label comes near the trainer.
      folder: RunFolder, created.
      stop: StopSignals, entered.
      stream: which random numbers draw latents, images and their order; 0 are the seed's own.
    """

    def __init__(self, spec, images, folder, stop, stream=0):
        self._spec, self._images, self._folder, self._stop = spec, images, folder, stop
        self._frame_interval = math.ceil(spec.max_epoch / MOST_FRAMES)
        draws = dataclasses.replace(spec, seed=derive_seed(spec.seed, "stream", stream)) if stream else spec
        self._graph = tf.Graph()
        with self._graph.as_default():
            model = RegularizedGAN.of_spec(spec)
            # A local variable: on the device, not in the checkpoints, and not a constant inside the graph.
            self._images_in = tf.placeholder(tf.uint8, images.shape)
            images_variable = tf.Variable(self._images_in, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])
            self._load_images = images_variable.initializer
            self._update = build_update(model, draws, images_variable)
            self._settling_batch = tf.placeholder(tf.int64, [])
            self._settle = build_settling(model, draws, images_variable, self._settling_batch)
            self._latents_in = tf.placeholder(tf.float32, [None, model.latent_dist.dim])
            self._generated = model.show_images(model.generate(self._latents_in))
            self._base_latents = model.latent_dist.sample_prior(ROWS, derive_seed(spec.seed, "samples"))
            self._initialise = tf.global_variables_initializer()
            self._checkpoints = Checkpoints(folder.checkpoints)
        self._graph.finalize()

    def train(self):
        """Trains a run that is not finished, from its newest checkpoint or from the start, to its end.

        After the last update batch norm's averages settle (`build_settling`), and the last checkpoint is written.

        Raises:
          InputError: if the newest checkpoint or the log is damaged.
          NumbersFailed: at the update whose quantities, gradients or weights are not all finite.
          TrainingFailed: if a checkpoint cannot be written.
          Interrupted: after a signal, once the last finished update is saved.
        """
        with self._graph.as_default(), tf.Session(config=session_config(self._spec.precision)) as session:
            update = self._begin(session)
            log = RunLog(self._folder, update, update // self._spec.updates_per_epoch)
            progress = Progress(update, self._spec)
            self._folder.write_status("running", update, self._spec.updates)
            try:
                with self._stop.deferred():
                    self._run_updates(session, update, log, progress)
            finally:
                progress.close()
                log.close()

    def _begin(self, session):
        """Fills the variables; returns how many updates are finished."""
        session.run(self._initialise)
        session.run(self._load_images, {self._images_in: self._images})
        saved = find_checkpoints(self._folder.checkpoints)
        if not saved:
            return 0
        self._checkpoints.restore(session, saved[-1])
        update = int(session.run(self._update.counter))
        if not update == saved[-1] < self._spec.updates:
            path = self._folder.checkpoints / f"model-{saved[-1]}"
            raise InputError(
                path, f"it holds update {update} of {self._spec.updates}, so it is misnamed. Remove {path}.*"
            )
        return update

    def _run_updates(self, session, update, log, progress):
        spec = self._spec
        base_latents = vary_discrete_codes(spec.latent_spec, session.run(self._base_latents))
        run_update = session.make_callable([self._update.values, self._update.step])
        seconds, timed_updates = 0.0, 0
        while update < spec.updates:
            started = time.monotonic()
            values, _ = run_update()
            seconds, timed_updates = seconds + time.monotonic() - started, timed_updates + 1
            update += 1
            if not np.isfinite(values).all():
                raise NumbersFailed(self._describe_failure(session, update, values))
            progress.advance(update)
            if update % spec.updates_per_epoch == 0:
                speed = timed_updates * spec.batch_size / seconds
                line = self._finish_epoch(session, update, speed)
                seconds, timed_updates = 0.0, 0
                log.write_metrics(line)
                progress.report_epoch(line)
                if line["epoch"] % self._frame_interval == 0:
                    log.write_pictures(self._draw_samples(session, base_latents), update)
                self._folder.write_status("running", update, spec.updates)
            is_stopped = self._stop.received is not None
            if update < spec.updates and (is_stopped or update % spec.snapshot_interval == 0):
                self._checkpoints.save(session, update)
                self._stop.raise_if_received()
        for batch in range(SETTLING_BATCHES):
            session.run(self._settle, {self._settling_batch: batch})
        self._checkpoints.save(session, update)

    def _finish_epoch(self, session, update, images_per_second):
        """The epoch's means, as an object for metrics.jsonl; starts the next epoch's sums."""
        spec = self._spec
        means = session.run(self._update.totals) / spec.updates_per_epoch
        session.run(self._update.clear_totals)
        return {
            "epoch": update // spec.updates_per_epoch,
            "update": update,
            "images_seen": update * spec.batch_size,
            **{name: float(mean) for name, mean in zip(self._update.names, means)},
            "speed/images_per_second": images_per_second,
        }

    def _draw_samples(self, session, base_latents):
        """A picture per code, of the same latents each time."""
        pictures = {}
        for code in self._spec.codes:
            latents = sweep_latents(self._spec.latent_spec, code.name, base_latents, self._spec.sweep_limit)
            rows, columns, dim = latents.shape
            images = session.run(self._generated, {self._latents_in: latents.reshape(-1, dim)})
            pictures[code.name] = grids.tile(images.reshape(rows, columns, *images.shape[1:]))
        return pictures

    def _describe_failure(self, session, update, values):
        bad = [f"{name} = {value}" for name, value in zip(self._update.names, values) if not np.isfinite(value)]
        variables = self._checkpoints.find_bad(session)
        if variables:
            bad.append(f"{describe_bad(variables)} not finite")
        return f"update {update}: {', '.join(bad)}. {describe_last_checkpoint(self._folder.checkpoints)}"
