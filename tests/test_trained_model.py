"""A model that is loaded again computes what the trained one would, with the averages that belong to its images."""

import numpy as np
import pytest

from infogan.model.gan import RegularizedGAN
from infogan.model.layers import GENERATED, REAL, Normalisation
from infogan.run import TrainedRun
from infogan.system.messages import InputError
from infogan.system.tf1 import tf
from infogan.training.checkpoints import Checkpoints
from infogan.training.run_folder import RunFolder

COUNT, SEED = 20, 5


def save_and_compute(spec, dataset, folder):
    """Saves weights with averages that differ between the populations; what they make of images, for either."""
    with tf.Graph().as_default(), tf.Session() as session:
        model = RegularizedGAN.of_spec(spec)
        z = model.sample_latents(COUNT, tf.constant([SEED, 0], tf.int64))
        real, generated = model.read_images(tf.constant(dataset.test.images)), model.generate(z)
        fetches = {}
        for population in (REAL, GENERATED):
            normalisation = Normalisation([population], batch_statistics=False)
            of_real, of_generated = (model.discriminate(images, normalisation) for images in (real, generated))
            posterior = model.reg_latent_dist.split_dist_info(of_real.reg_dist_info)[0]["prob"]
            information = model.information(z, of_generated.reg_dist_info)["digit"]
            fetches[population] = (posterior, tf.sigmoid(of_real.logits), information)
        session.run(tf.global_variables_initializer())
        rng = np.random.default_rng(0)
        for variable in tf.global_variables():
            if not variable.trainable:  # means and variances
                session.run(variable.assign(rng.uniform(0.1, 1.5, variable.shape)))
        Checkpoints(folder.checkpoints, {v.op.name: v.op.name for v in model.variables}).save(session, 1)
        return session.run(fetches)


def check_no_images(run, split):
    assert {values.shape for values in run.values(split.part(0, 0)).values()} == {(0,)}
    with pytest.raises(InputError, match=r"^count: 0 was given"):
        run.mutual_information(0, SEED)


def test_real_images_meet_the_averages_of_real_ones_and_samples_their_own(spec, dataset, tmp_path):
    folder = RunFolder(tmp_path / "logs", tmp_path / "ckt", "run")
    folder.create(spec, dataset)
    expected = save_and_compute(spec, dataset, folder)
    posterior, probability, _ = expected[REAL]
    information = expected[GENERATED][2]
    with TrainedRun(folder) as run:
        np.testing.assert_allclose(run.encode(dataset.test.images)["digit"]["prob"], posterior, atol=1e-5)
        np.testing.assert_allclose(run.discriminate(dataset.test.images), probability, atol=1e-5)
        np.testing.assert_allclose(run.mutual_information(COUNT, SEED)["digit"], information, atol=1e-5)
        check_no_images(run, dataset.test)
    assert np.abs(posterior - expected[GENERATED][0]).max() > 1e-3
    assert np.abs(probability - expected[GENERATED][1]).max() > 1e-3
    assert abs(information - expected[REAL][2]) > 1e-3
