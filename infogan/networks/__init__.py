"""Architectures: one module per table of the paper's Appendix C, each with IMAGE_SHAPE and four builders."""

import importlib

ARCHITECTURES = ("mnist",)


def load_architecture(name):
    """The module of an architecture table; `name` is one of ARCHITECTURES."""
    if name not in ARCHITECTURES:
        raise ValueError(f"network: {name!r} was given, but the known ones are {', '.join(ARCHITECTURES)}.")
    return importlib.import_module(f"infogan.networks.{name}")
