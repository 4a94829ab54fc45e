"""The same update in eager PyTorch: Table 1's networks, fresh latents for each step, Adam. Needs no TensorFlow."""

import math
import os

import torch
from torch import nn
from torch.nn import functional

from benchmarks.timing import describe_updates, time_calls
from infogan.data import load_dataset
from infogan.spec import ExperimentSpec
from infogan.system.messages import InputError
from infogan.system.tf1 import NVIDIA_DRIVER, cpu_has_bfloat16

CODES = 10 + 2
LOG_2PI = math.log(2.0 * math.pi)


def measure(spec, warm_up, updates, tuned=False):
    """Time of an update.

    Args:
      spec: JSON of an ExperimentSpec: batch size, rates, weights of the codes, precision.
      warm_up: updates that are not counted.
      updates: updates that are.
      tuned: with the channels last in memory and the fused Adam, instead of PyTorch's defaults.

    Returns:
      dict: see `describe_updates`; `version` of PyTorch; `parameters`, the trained numbers.

    Raises:
      InputError: if there is a GPU, or the processor would have to imitate bfloat16: an update takes seconds then.
    """
    if NVIDIA_DRIVER.exists() and os.environ.get("CUDA_VISIBLE_DEVICES") != "":
        raise InputError("torch", "PyTorch is measured beside CPUs alone")
    spec = ExperimentSpec.from_json(spec)
    if spec.precision == "bfloat16" and not cpu_has_bfloat16():
        raise InputError("precision", "bfloat16 was given, but this CPU has no instructions for it. Take float32.")
    torch.manual_seed(0)
    images = torch.tensor(load_dataset(spec).train.images).permute(0, 3, 1, 2).contiguous()
    training = Training(spec, tuned)

    def update():
        chosen = torch.randint(len(images), [spec.batch_size])
        training.update(images[chosen].float() / 255.0)

    seconds = time_calls(update, warm_up, updates)
    result = describe_updates(seconds, spec.batch_size)
    return {**result, "version": torch.__version__, "parameters": training.count_parameters()}


class Training:
    """Networks and optimisers; `update` performs a D step and a G step."""

    def __init__(self, spec, tuned):
        self._spec = spec
        self._memory = torch.channels_last if tuned else torch.contiguous_format
        self._generator = build_generator().to(memory_format=self._memory)
        self._trunk = build_trunk(spec.leaky_rate).to(memory_format=self._memory)
        self._d_head = nn.Linear(1024, 1)
        self._q_head = build_recognition_head(spec.leaky_rate)
        of_d = [*self._trunk.parameters(), *self._d_head.parameters(), *self._q_head.parameters()]
        self.d_adam = torch.optim.Adam(of_d, spec.discriminator_learning_rate, (0.5, 0.999), fused=tuned)
        self.g_adam = torch.optim.Adam(
            self._generator.parameters(), spec.generator_learning_rate, (0.5, 0.999), fused=tuned
        )

    def update(self, real):
        """A D step on images [B, 1, 28, 28], then a G step; returns both losses."""
        real = real.contiguous(memory_format=self._memory)
        with self._precision():
            z, categories, continuous = self._draw_latents(len(real))
            with torch.no_grad():
                generated = self._generator(z)
            # Two passes: batch norm normalises real and generated images separately.
            real_logits = self._d_head(self._trunk(real))
            features = self._trunk(generated)
            generated_logits = self._d_head(features)
            d_loss = -self._information(features, categories, continuous) + (
                functional.softplus(-real_logits.float()).mean() + functional.softplus(generated_logits.float()).mean()
            )
        self.d_adam.zero_grad()
        d_loss.backward()
        self.d_adam.step()

        with self._precision():
            z, categories, continuous = self._draw_latents(len(real))
            for parameter in self._discriminator_parameters():
                parameter.requires_grad_(False)  # G's step needs no gradients of D's weights
            features = self._trunk(self._generator(z))
            g_loss = functional.softplus(-self._d_head(features).float()).mean()
            g_loss = g_loss - self._information(features, categories, continuous)
        self.g_adam.zero_grad()
        g_loss.backward()
        self.g_adam.step()
        for parameter in self._discriminator_parameters():
            parameter.requires_grad_(True)
        return d_loss.item(), g_loss.item()

    def count_parameters(self):
        """Trained numbers of all networks."""
        groups = self.d_adam.param_groups + self.g_adam.param_groups
        return sum(parameter.numel() for group in groups for parameter in group["params"])

    def _precision(self):
        return torch.autocast("cpu", torch.bfloat16, enabled=self._spec.precision == "bfloat16")

    def _discriminator_parameters(self):
        return (parameter for group in self.d_adam.param_groups for parameter in group["params"])

    def _draw_latents(self, batch):
        categories = torch.randint(10, [batch])
        continuous = 2.0 * torch.rand(batch, 2) - 1.0
        noise = 2.0 * torch.rand(batch, 62) - 1.0
        return torch.cat([noise, functional.one_hot(categories, 10), continuous], 1), categories, continuous

    def _information(self, features, categories, continuous):
        """The weighted sum of L_I, without the constant entropies."""
        flat = self._q_head(features).float()
        log_categories = -functional.cross_entropy(flat[:, :10], categories)
        log_continuous = (-0.5 * LOG_2PI - 0.5 * (continuous - flat[:, 10:]) ** 2).sum(1).mean()
        return self._spec.info_reg_coeff * log_categories + self._spec.continuous_weight * log_continuous


def build_generator():
    """Table 1, right."""
    return nn.Sequential(
        nn.Linear(74, 1024, bias=False), nn.BatchNorm1d(1024), nn.ReLU(),
        nn.Linear(1024, 128 * 7 * 7, bias=False), nn.BatchNorm1d(128 * 7 * 7), nn.ReLU(),
        nn.Unflatten(1, (128, 7, 7)),
        nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Sigmoid(),
    )  # fmt: skip


def build_trunk(leaky_rate):
    """Table 1, left, up to the features that D and Q share."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(leaky_rate),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(leaky_rate),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 1024, bias=False), nn.BatchNorm1d(1024), nn.LeakyReLU(leaky_rate),
    )  # fmt: skip


def build_recognition_head(leaky_rate):
    """Table 1, left, Q above the trunk."""
    return nn.Sequential(
        nn.Linear(1024, 128, bias=False), nn.BatchNorm1d(128), nn.LeakyReLU(leaky_rate), nn.Linear(128, CODES)
    )
