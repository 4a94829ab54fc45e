"""A spec's document: how its values go to JSON and come back, and what leads from each version to the next."""

import dataclasses
import functools
from typing import Any

from infogan.distributions import Distribution
from infogan.model.architectures import Architecture
from infogan.model.losses import Term
from infogan.model.optimizers import Adam, Optimizer
from infogan.schedule import Schedule
from infogan.system.checks import Kind, instance, several
from infogan.system.messages import InputError

FAMILIES = (Distribution, Optimizer, Term)
"""What a spec holds of any subclass, a program's own as well; JSON names the class."""


def encode(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, Architecture):
        return value.name
    if dataclasses.is_dataclass(value):
        fields = {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields} if isinstance(value, FAMILIES) else fields
    return [encode(item) for item in value] if isinstance(value, tuple) else value


def decode(family: type, document: dict[str, Any]) -> Any:
    """The dataclass that `encode` turned into a dict; fields that it lacks have their defaults."""
    kinds = {field.name: field.metadata["kind"] for field in dataclasses.fields(family)}
    return family(**{name: kinds[name].from_json(value) for name, value in document.items()})


def _decode_member(base: type, document: dict[str, Any]) -> Any:
    """The distribution, optimiser or term that `encode` turned into a dict."""
    fields = {name: _decode_value(base, value) for name, value in document.items()}
    return _find_family(base, fields.pop("type"))(**fields)


def _decode_value(base: type, value: Any) -> Any:
    """A value in a member's field: a tuple, a member in the member, or a Schedule, where JSON cannot hold it."""
    if isinstance(value, list):
        return tuple(_decode_value(base, item) for item in value)
    if isinstance(value, dict):
        return _decode_member(base, value) if "type" in value else Schedule(**value)
    return value


def _find_family(base: type, name: str) -> type:
    """The class of that name: one of ours, or else the user's newest, whose module must have been imported."""
    families = [base]
    for family in families:  # which grows
        families += family.__subclasses__()
    named = [family for family in families[1:] if family.__name__ == name]
    ours = [family for family in named if family.__module__ == base.__module__]
    if not named:
        raise InputError(
            "spec.json",
            f"the {base.__name__.lower()} {name!r} was given, but no class has that name. Import the module that has "
            "it.",
        )
    return (ours or named)[-1]


def any_of(base: type, needed: str, **more: Any) -> Kind:
    """The kind of a setting that takes an object of one of FAMILIES; `more` as `instance` takes it."""
    return instance(base, needed, from_json=functools.partial(_decode_member, base), **more)


def list_of(family: type) -> Kind:
    """The kind of a setting that takes a list of dataclasses of one class."""
    name = family.__name__
    kind = instance(family, name, from_json=lambda document: decode(family, document))
    return several(kind, f"a list of {name}s")


def fill(family: type, document: dict[str, Any]) -> dict[str, Any]:
    """The document of a dataclass with the defaults of fields that it lacks."""
    fields = [field for field in dataclasses.fields(family) if field.default is not dataclasses.MISSING]
    return {field.name: encode(field.default) for field in fields} | document


def _upgrade_warmups(document: dict[str, Any]) -> dict[str, Any]:
    """Version 0: before there were schedules, `continuous_stagger` and `turning_warmup` said a part of these."""
    document = dict(document)
    stagger, warmup = document.pop("continuous_stagger", 0), document.pop("turning_warmup", 0)
    if stagger:
        document["code_schedules"] = _stagger(document["latent_spec"], stagger)
    if warmup:
        document["turning_schedule"] = {"points": [[warmup // 4, 0.3], [warmup, 1.0]]}
    return document


def _stagger(latents: list[dict[str, Any]], updates: int) -> list[dict[str, Any]]:
    """Each continuous code comes in so many updates after the one before it."""
    schedules, start = [], 0
    for latent in latents:
        if latent["regularised"]:
            is_continuous = latent["distribution"]["type"] in ("Uniform", "Gaussian")
            schedules.append({"points": [[start, 0.0], [start + updates, 1.0]] if is_continuous and start else []})
            start += updates * is_continuous
    return schedules


def _upgrade_adam(document: dict[str, Any]) -> dict[str, Any]:
    """Version 1: every optimiser was Adam."""
    document = dict(document)
    if (beta1 := document.pop("adam_beta1", None)) is not None:
        document["optimizer"] = encode(Adam(beta1))
    return document


def _upgrade_precision(document: dict[str, Any]) -> dict[str, Any]:
    """Version 2: the default was float32."""
    return {"precision": "float32"} | document


UPGRADES = (_upgrade_warmups, _upgrade_adam, _upgrade_precision)
"""What leads from each version to the next. A new field with a default needs none, nor a new version."""
VERSION = len(UPGRADES)
