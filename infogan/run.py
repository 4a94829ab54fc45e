"""A trained run as an object: `infogan.load`, then generate, encode, discriminate; numpy in and out."""

import functools
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from infogan.codes import (
    ROWS,
    CodeDescription,
    as_numbers,
    describe_codes,
    find_code,
    place_values,
    read_values,
    sweep_latents,
    vary_discrete_codes,
)
from infogan.data import Split
from infogan.data.lazy_images import Images, LazyImages, cut
from infogan.distributions import DistInfo
from infogan.model.architectures import ImageShape
from infogan.model.gan import RegularizedGAN
from infogan.model.layers import GENERATED, REAL, Normalisation
from infogan.system.checks import COUNT, SEED, StrPath, quote, whole
from infogan.system.messages import InputError, show_progress
from infogan.system.tf1 import Tensor, check_process, find_gpus, session_config, tf
from infogan.training.checkpoints import newest_intact, restore_weights
from infogan.training.run_folder import RunFolder, open_run

BATCH = 500
"""Most images per session run; results do not depend on it, except with batch statistics."""
READ_AT_ONCE = 5000
BATCH_NUMBERS = BATCH * 64 * 64 * 3
"""Most numbers in the images of a session run, whose layers hold many times that: of large images fewer go together."""

Held = TypeVar("Held")
Result = TypeVar("Result")


def load(path: StrPath) -> "TrainedRun":
    """The run that was trained, from its newest checkpoint.

        run = infogan.load("ckt/mnist/NAME")
        images = run.generate(codes={"digit": 3, "rotation": np.linspace(-2, 2, 11)})

    Args:
      path: the run's folder, below ckt/ or below logs/.

    Returns:
      TrainedRun.

    Raises:
      InputError: if there is no such run, or it has no checkpoint, or a damaged one.
    """
    return TrainedRun(open_run(path))


class TrainedRun:
    """A trained run; close it, or use it as a context manager, to free its session.

    Args:
      folder: RunFolder; its newest checkpoint that is whole is read.

    Attributes:
      spec: ExperimentSpec of the run.
      update: number of updates after which the checkpoint was written.
      age: that number in words, and whether the weights are averages over the updates.
      computed: dict, in which metrics keep what others need too (`infogan.evaluation.metric.once_a_run`).

    Raises:
      InputError: if the run has no checkpoint, or a damaged one.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder, self.spec = folder, folder.load_spec()
        find_gpus()  # starts TensorFlow without what its libraries print
        update = newest_intact(folder.checkpoints)
        if update is None:
            raise InputError(
                folder.checkpoints, "it holds no checkpoint, but a trained model is needed. Train it first."
            )
        self.update = update
        averaged = f", averages of decay {decay:g}" if (decay := self.spec.weight_averaging) else ""
        self.age = f"{update:,} updates{averaged}"
        self.computed: dict[Any, Any] = {}
        self._open = ExitStack()
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._model = RegularizedGAN.of_spec(self.spec)
            self._build()
            self._session = tf.Session(config=session_config())
            restore_weights(self._session, folder.checkpoints, update, self._model.variables)
        self._graph.finalize()

    def _build(self) -> None:
        model = self._model
        self._count = tf.placeholder(tf.int32, [])
        self._seed = tf.placeholder(tf.int64, [2])
        self._sampled = model.sample_latents(self._count, self._seed)
        self._latents = tf.placeholder(tf.float32, [None, model.latent_dist.dim])
        generated = model.generate(self._latents)
        self._generated = model.show_images(generated)
        # Reads latents back from the images made of them.
        on_generated = Normalisation([GENERATED], batch_statistics=False)
        read = model.discriminate(generated, on_generated).reg_dist_info
        self._information = model.information(self._latents, read)
        # Not uint8: pixels need not be whole numbers.
        self._images = tf.placeholder(tf.float32, [None, *model.image_shape])
        images = model.read_images(self._images)
        self._posteriors = {}
        for batch_statistics in (False, True):
            judgement = model.discriminate(images, Normalisation([REAL], batch_statistics))
            self._posteriors[batch_statistics] = model.posteriors(judgement)
            if not batch_statistics:
                self._probability = tf.nn.sigmoid(judgement.logits)
                self._features = judgement.q_features

    def __reduce__(self) -> NoReturn:  # of copy and pickle, and so of multiprocessing
        raise InputError(
            "run",
            "a loaded run cannot be copied or sent to another process, but its folder can. Call infogan.load there.",
        )

    def __enter__(self) -> "TrainedRun":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Frees the session, and what was kept open; a second call does nothing."""
        check_process()
        self._open.close()
        self._session.close()

    def keep_open(self, context: AbstractContextManager[Held]) -> Held:
        """Enters a context that is left when the run is closed; returns what it gives."""
        return self._open.enter_context(context)

    @property
    def image_shape(self) -> ImageShape:
        """(H, W, C)"""
        return self._model.image_shape

    @functools.cached_property
    def report(self) -> dict[str, Any]:
        """What the run's evaluation measured, the content of report.json; an empty dict before.

        Raises:
          InputError: if the file is damaged.
        """
        return self.folder.load_report()

    @property
    def codes(self) -> dict[str, CodeDescription]:
        """Each code by name: its values, and what it was found to do."""
        return describe_codes(self.spec, self.report)

    def sample_latents(self, count: int, seed: int = 0) -> np.ndarray:
        """Draws float32 [count, dim] from the prior, noise and codes in the order of the spec; the same for a seed."""
        fed = {self._count: COUNT.check("count", count), self._seed: [SEED.check("seed", seed), 0]}
        return self._compute(self._sampled, fed)

    def latents(
        self,
        codes: Mapping[str, ArrayLike] | None = None,
        noise: ArrayLike | None = None,
        seed: int = 0,
        count: int | None = None,
    ) -> np.ndarray:
        """The latents that `generate` makes images of, with the same arguments: float32 [N, dim]."""
        drawn = self.sample_latents(1 if count is None else count, seed)
        return place_values(self.spec, drawn, {} if codes is None else codes, noise)

    def generate(
        self,
        codes: Mapping[str, ArrayLike] | None = None,
        noise: ArrayLike | None = None,
        seed: int = 0,
        count: int | None = None,
    ) -> np.ndarray:
        """Images G(z, c).

        What is not given is drawn from the prior: without `count` once, for all images together, so that images differ
        only in what was given; with `count` for each image anew.

        Args:
          codes: dict of code name -> value, or array of N values, one an image. A discrete code's values are counted
            from 0, as `digit: 3`; a continuous code's are any finite numbers: training drew from the prior, and
            `spec.sweep_limit` bounds what evaluation looks at.
          noise: None, or the incompressible noise z, an array [dim] or [N, dim].
          seed: int, of what is drawn; the same seed gives the same draws.
          count: None, or the number of images.

        Returns:
          float32 array [N, H, W, C] in [0, 1]; N is the common length of the arrays given, or `count`, or 1.

        Raises:
          InputError: for an unknown code or value, or numbers of values that do not go together.
        """
        return self.generate_from(self.latents(codes, noise, seed, count))

    def generate_from(self, latents: ArrayLike) -> np.ndarray:
        """Images of latents float [..., dim] as `latents` and `sample_latents` give them: float32 [..., H, W, C].

        Raises:
          InputError: if the latents have another shape.
        """
        array, dim = as_numbers("latents", latents), self._model.latent_dist.dim
        if array.ndim < 1 or array.shape[-1] != dim:
            raise InputError(
                "latents",
                f"{quote(latents)} was given, but numbers [..., {dim}] are needed. `latents` and `sample_latents` make "
                "them.",
            )
        images = self._compute_all(self._generated, self._latents, array.reshape(-1, dim))
        return images.reshape(*array.shape[:-1], *self.image_shape)

    def sweep(
        self, code: str, values: ArrayLike | None = None, rows: int = ROWS, seed: int = 0, vary_discrete: bool = True
    ) -> np.ndarray:
        """Images in which one code runs over its range, as in the paper's figures: a row for each draw of all else.

        Args:
          code: name of the code.
          values: array of its values, as `generate` takes them; None for those of a discrete code, or COLUMNS within
            `spec.sweep_limit`.
          rows: number of draws.
          seed: int, of the draws, which are the same for every code.
          vary_discrete: whether the rows take the values of each other discrete code in turn; else these are drawn too.

        Returns:
          float32 array [rows, values, H, W, C] in [0, 1].

        Raises:
          InputError: if there is no such code or value.
        """
        spec, name = self.spec, find_code(self.spec, code).name
        base = self.sample_latents(rows, seed)
        if vary_discrete:
            base = vary_discrete_codes(spec.latent_spec, base)
        return self.generate_from(sweep_latents(spec.latent_spec, name, base, spec.sweep_limit, values=values))

    def encode(self, images: ArrayLike | LazyImages, batch_statistics: bool = False) -> dict[str, DistInfo]:
        """Q's posterior of every code: what the codes of an image seem to be.

        Args:
          images: array [N, H, W, C], uint8 from 0 to 255 or float in [0, 1].
          batch_statistics: True normalises each batch of about BATCH images by itself, False (as a user would
            classify a single image) with the moving averages of real images.

        Returns:
          dict of code name -> dict of float32 arrays: `prob` [N, categories] of a categorical code, `mean` and `stddev`
          [N, 1] of a continuous one, `mean` and `concentration` of a circular one, in general the distribution's
          `dist_info_keys`.

        Raises:
          InputError: if the images have another shape or range.
        """
        return self._compute_all(self._posteriors[batch_statistics], self._images, self._pixels(images))

    def read(self, split: Split) -> dict[str, DistInfo]:
        """What `encode` gives for the images of a Split; computed once and kept."""
        return compute_once(self.computed, "read", split, lambda: self.encode(split.images))

    def values(self, split: Split, batch_statistics: bool = False) -> dict[str, np.ndarray]:
        """What Q reads from each image of a Split (`infogan.codes.read_values`): dict of code name -> array [N].

        Probabilities are held of some thousand images at a time: of a large set those of many categories are gigabytes.
        """
        parts = cut(split.images, -(-len(split) // READ_AT_ONCE))
        read = []
        with show_progress(f"Q reads {len(split):,} images", len(parts), is_noted=False) as show:
            for part in parts:
                read.append(read_values(self.spec.codes, self.encode(part, batch_statistics)))
                show(len(read))
        return {name: np.concatenate([part[name] for part in read]) for name in read[0]}

    def discriminate(self, images: ArrayLike | LazyImages) -> np.ndarray:
        """D's probability that an image is a real one, with the moving averages of real images.

        Args:
          images: array [N, H, W, C], uint8 from 0 to 255 or float in [0, 1].

        Returns:
          float32 array [N] in [0, 1].

        Raises:
          InputError: if the images have another shape or range.
        """
        return self._compute_all(self._probability, self._images, self._pixels(images))

    def features(self, images: ArrayLike | LazyImages) -> np.ndarray:
        """What Q's last layer sees of images, as `encode` takes them: float32 array [N, features]."""
        return self._compute_all(self._features, self._images, self._pixels(images))

    def mutual_information(self, count: int, seed: int) -> dict[str, float]:
        """L_I of each code over `count` fresh samples, at least one: dict of code name -> float, in nats."""
        whole(1).check("count", count)
        batches = self._split(self.sample_latents(count, seed))
        parts = [(self._compute(self._information, {self._latents: batch}), len(batch)) for batch in batches]
        return {
            code.name: float(sum(values[code.name] * size for values, size in parts) / count)
            for code in self.spec.codes
        }

    def freeze(self) -> tuple[Any, dict[str, Any]]:
        """What `generate`, `encode` and `discriminate` compute, as a graph without variables.

        Returns:
          GraphDef, and a dict of the names of tensors in it: `latents`, `generated`, `images` (pixels from 0 to 255),
          `posteriors`, a dict of code name -> `dist_info`, and `probability`.
        """
        check_process()
        tensors = {
            "latents": self._latents,
            "generated": self._generated,
            "images": self._images,
            "posteriors": self._posteriors[False],
            "probability": self._probability,
        }
        with self._graph.as_default():
            operations = [tensor.op.name for tensor in tf.nest.flatten(tensors)]
            definition = tf.graph_util.convert_variables_to_constants(
                self._session, self._graph.as_graph_def(), operations
            )
        return definition, tf.nest.map_structure(lambda tensor: tensor.name, tensors)

    def _pixels(self, images: ArrayLike | LazyImages) -> Images:
        """Checked images as pixels from 0 to 255."""
        if not isinstance(images, LazyImages):
            images = as_numbers("images", images)
        if images.ndim != 4 or images.shape[1:] != self.image_shape:
            needed = ", ".join(map(str, self.image_shape))
            raise InputError(
                "images",
                f"an array of shape {[*images.shape]} was given, but [N, {needed}] is needed. "
                "Resize the images to that.",
            )
        if isinstance(images, LazyImages) or images.dtype == np.uint8:
            return images
        if images.dtype.kind != "f":
            raise InputError("images", f"{images.dtype} was given, but uint8, or float in [0, 1], is needed.")
        if not (images.size == 0 or (images.min() >= 0.0 and images.max() <= 1.0)):  # not: nan is refused too
            raise InputError(
                "images",
                f"floats from {images.min():g} to {images.max():g} were given, but they must lie in [0, 1]. "
                "Give uint8, or divide.",
            )
        return images.astype(np.float32) * np.float32(255.0)

    def _compute(self, fetches: Any, fed: Mapping[Tensor, Any]) -> Any:
        check_process()
        return self._session.run(fetches, fed)

    def _compute_all(self, fetches: Any, placeholder: Tensor, array: Images) -> Any:
        """Fetches of a whole array, batch by batch. TensorFlow's fused convolutions fail on an empty one."""
        fed = array if len(array) else np.zeros((1, *array.shape[1:]), np.float32)
        parts = [self._compute(fetches, {placeholder: part}) for part in self._split(fed)]
        return tf.nest.map_structure(lambda *values: np.concatenate(values)[: len(array)], *parts)

    def _split(self, array: Images) -> list[Images]:
        """Nearly equal parts: a last batch of one image would have no statistics of its own."""
        return cut(array, -(-len(array) // count_batch(self.image_shape)))


def count_batch(image_shape: ImageShape) -> int:
    """Most images of this shape in a session run: BATCH, or fewer where BATCH_NUMBERS are reached before."""
    return max(1, min(BATCH, BATCH_NUMBERS // math.prod(image_shape)))


def compute_once(computed: dict[Any, Any], what: Any, source: object, compute: Callable[[], Result]) -> Result:
    """What `compute` gives, kept in the dict `computed` as the `what` of `source`, a Split or a Dataset."""
    key = what, id(source)
    if key not in computed:
        computed[key] = source, compute()  # with the source: no other one can get its id then
    return computed[key][1]
