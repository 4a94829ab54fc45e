"""What a trained run does for a program: `infogan.load`, then generate, encode, discriminate; numpy in and out."""

import numpy as np

from infogan.codes import as_numbers, describe_codes, place_values
from infogan.evaluation.trained_model import TrainedModel
from infogan.system.checks import COUNT, SEED, quote
from infogan.system.devices import check_process, find_gpus
from infogan.system.errors import InputError
from infogan.training.run_folder import open_run


def load(path):
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
      folder: RunFolder; its newest checkpoint is read.

    Attributes:
      spec: ExperimentSpec of the run.
      report: what its evaluation measured, the content of report.json; an empty dict before.
      codes: dict of code name -> CodeDescription.
      update: number of updates after which the checkpoint was written.
      image_shape: (H, W, C).
    """

    def __init__(self, folder):
        self.folder = folder
        self.spec = folder.load_spec()
        self.report = folder.load_report()
        self.codes = describe_codes(self.spec, self.report)
        find_gpus()  # starts TensorFlow without what its libraries print
        self._opened = TrainedModel(self.spec, folder)
        self.update = self._opened.update
        self.image_shape = self._opened.image_shape

    @property
    def _model(self):
        check_process()
        return self._opened

    def __reduce__(self):  # of copy and pickle, and so of multiprocessing
        raise InputError(
            "run",
            "a loaded run cannot be copied or sent to another process, but its folder can. Call infogan.load there.",
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Frees the session; a second call does nothing."""
        self._model.close()

    def sample_latents(self, count, seed=0):
        """Draws float32 [count, dim] from the prior, noise and codes in the spec's order."""
        return self._model.sample_latents(COUNT.check("count", count), SEED.check("seed", seed))

    def latents(self, codes=None, noise=None, seed=0, count=None):
        """The latents that `generate` makes images of, with the same arguments: float32 [N, dim]."""
        drawn = self.sample_latents(1 if count is None else count, seed)
        return place_values(self.spec, drawn, {} if codes is None else codes, noise)

    def generate(self, codes=None, noise=None, seed=0, count=None):
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
        return self._model.generate(self.latents(codes, noise, seed, count))

    def generate_from(self, latents):
        """Images of latents float [..., dim] as `latents` and `sample_latents` give them: float32 [..., H, W, C].

        Raises:
          InputError: if the latents have another shape.
        """
        array, dim = as_numbers("latents", latents), sum(latent.distribution.dim for latent in self.spec.latent_spec)
        if array.ndim < 1 or array.shape[-1] != dim:
            raise InputError(
                "latents",
                f"{quote(latents)} was given, but numbers [..., {dim}] are needed. `latents` and `sample_latents` make "
                "them.",
            )
        return self._model.generate(array)

    def encode(self, images):
        """Q's posterior of every code: what the codes of an image seem to be.

        Args:
          images: array [N, H, W, C], uint8 from 0 to 255 or float in [0, 1].

        Returns:
          dict of code name -> dict of float32 arrays: `prob` [N, categories] of a categorical code, `mean` and `stddev`
          [N, 1] of a continuous one, `mean` and `concentration` of a circular one, in general the distribution's
          `dist_info_keys`.

        Raises:
          InputError: if the images have another shape or range.
        """
        return self._model.recognise(self._pixels(images))

    def discriminate(self, images):
        """D's probability that an image is a real one.

        Args:
          images: array [N, H, W, C], uint8 from 0 to 255 or float in [0, 1].

        Returns:
          float32 array [N] in [0, 1].

        Raises:
          InputError: if the images have another shape or range.
        """
        return self._model.discriminate(self._pixels(images))

    def freeze(self):
        """The run as a graph without variables, as `TrainedModel.freeze` describes it."""
        return self._model.freeze()

    def _pixels(self, images):
        """Checked images as pixels from 0 to 255."""
        images = as_numbers("images", images)
        if images.ndim != 4 or images.shape[1:] != self.image_shape:
            needed = ", ".join(map(str, self.image_shape))
            raise InputError(
                "images",
                f"an array of shape {[*images.shape]} was given, but [N, {needed}] is needed. "
                "Resize the images to that.",
            )
        if images.dtype == np.uint8:
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
