"""Kinds of values: what a field, a flag or an argument of a public call takes, checked where it enters."""

import dataclasses
import inspect
import math
import numbers
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from infogan.system.messages import InputError

StrPath = str | os.PathLike[str]

LARGEST_NUMBER = 1e30
"""Rates and weights stay well within float32."""
LARGEST_SEED = 2**31 - 1
LONGEST_QUOTE = 100
"""Characters of a wrong value that a message repeats."""


def _same(value):
    return value


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a value must be.

    Attributes:
      needed: in words, as "a whole number of at least 1".
      accepts: function of a value: whether it is of this kind. A TypeError or ValueError says that it is not.
      keep: function of such a value: the form in which it is kept.
      from_text: function that makes a value of a flag's text, or raises ValueError; it is checked where it is used.
      from_json: function that makes a value of what JSON holds of it.
      metavar: what --help calls the text.
      options: all values there are, where they are few.
      why: function of a value that is refused: the reason that a message gives, or an empty text.
    """

    needed: str
    accepts: Callable[[Any], bool]
    keep: Callable[[Any], Any] = _same
    from_text: Callable[[str], Any] = _same
    from_json: Callable[[Any], Any] = _same
    metavar: str = ""
    options: tuple[Any, ...] = ()
    why: Callable[[Any], str] = lambda value: ""

    def check(self, where: object, value: object) -> Any:
        """The value as it is kept; `where` is what the user calls it.

        Raises:
          InputError: if it is not of this kind.
        """
        try:
            if self.accepts(value):
                return self.keep(value)
        except (TypeError, ValueError):
            pass
        raise InputError(where, self.refuse(value))

    def refuse(self, value: object) -> str:
        """What is said of a value that is not of this kind."""
        reason = self.why(value)
        return f"{quote(value)} was given, but {self.needed} is needed{reason and ': ' + reason}."


def whole(low: int = 0, high: float = math.inf, why: str = "") -> Kind:
    """A whole number from `low` to `high`; numpy's count too."""
    needed = f"a whole number of at least {low}" + (f" and at most {high:,}" if high < math.inf else "")
    return Kind(
        needed,
        lambda value: isinstance(value, numbers.Integral) and not isinstance(value, bool) and low <= int(value) <= high,
        int,
        int,
        metavar="INT",
        why=lambda value: why,
    )


def number(low: float = 0.0, high: float = LARGEST_NUMBER, above: bool = False, below: bool = False) -> Kind:
    """A finite number from `low` to `high`; `above` and `below` leave these two out."""
    needed = f"a number {'above' if above else 'of at least'} {low:g} and {'below' if below else 'at most'} {high:g}"

    def accepts(value):
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        return is_number and low <= value <= high and not (above and value == low) and not (below and value == high)

    return Kind(needed, accepts, float, float, metavar="FLOAT")


def choice(options: Iterable[Any]) -> Kind:
    """One of several texts or numbers."""
    options = tuple(options)
    return Kind(
        f"one of {', '.join(map(str, options))}",
        lambda value: value in options and not isinstance(value, bool),
        from_text=type(options[0]),
        options=options,
    )


def text(pattern: str, needed: str) -> Kind:
    """A text of a pattern, which `needed` gives in words."""
    return Kind(needed, lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value)))


def instance(family: type | tuple[type, ...], needed: str, **more: Any) -> Kind:
    """An object of a class; `more` are further fields of Kind."""
    return Kind(needed, lambda value: isinstance(value, family), **more)


def several(kind: Kind, needed: str, most: float = math.inf, **more: Any) -> Kind:
    """A list or tuple of at most so many values of one kind, kept as a tuple."""
    return Kind(
        needed,
        lambda value: isinstance(value, (list, tuple)) and len(value) <= most and all(map(kind.accepts, value)),
        lambda value: tuple(map(kind.keep, value)),
        from_json=lambda entries: tuple(map(kind.from_json, entries)),
        **more,
    )


def optional(kind: Kind) -> Kind:
    """None, or a value of a kind."""
    return dataclasses.replace(
        kind,
        needed=f"{kind.needed.rstrip(',')}, or None,",
        accepts=lambda value: value is None or kind.accepts(value),
        keep=lambda value: None if value is None else kind.keep(value),
        from_json=lambda entry: None if entry is None else kind.from_json(entry),
    )


def _is_path(value):
    path = os.fspath(value)
    return isinstance(path, str) and path.strip() != "" and "\0" not in path


def _explain_empty(value):
    return 'an unset variable gives "", which would be the current folder' if value == "" else ""


COUNT, SEED = whole(), whole(high=LARGEST_SEED)
SWITCH = Kind("True or False", lambda value: isinstance(value, bool))
TEXT, GIVEN = text("(?s).*", "a text"), text(r"(?s).*\S.*", "a name")
FILE_NAME = text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "a name of letters, digits, '.', '_' and '-' (100 at most)")
"""What a folder can be called everywhere, and never leads to another one."""
IDENTIFIER = text(r"[A-Za-z0-9][A-Za-z0-9_]{0,99}", "a name of letters, digits and '_' (100 at most)")
PATH = Kind("a path", _is_path, Path, why=_explain_empty)


def quote(value: Any) -> str:
    """A value of any kind in one line, for a message."""
    if getattr(value, "ndim", 0) and hasattr(value, "dtype"):
        return f"an array of shape {[*value.shape]} and type {value.dtype}"
    line = " ".join(repr(value).split())
    return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE]}..."


def setting(kind: Kind, about: str, default: Any = dataclasses.MISSING, flag: bool = False) -> Any:
    """A field of a Checked dataclass.

    Args:
      kind: Kind of its values.
      about: what it is, in words.
      default: its value where none is given.
      flag: whether the commands have a flag for it.
    """
    return dataclasses.field(default=default, metadata={"kind": kind, "about": about, "flag": flag})


@dataclasses.dataclass(frozen=True)
class Checked:
    """A frozen dataclass of settings, which are checked when it is built, and brought to the form they are kept in.

    Raises:
      InputError: naming the field, as "Latent.name".
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if kind := field.metadata.get("kind"):
                checked = kind.check(self.name_field(field.name), getattr(self, field.name))
                object.__setattr__(self, field.name, checked)

    @classmethod
    def name_field(cls, name: str) -> str:
        """What messages call a field."""
        return f"{cls.__name__}.{name}"


Family = TypeVar("Family", bound=Checked)


def documented(family: type[Family]) -> type[Family]:
    """Adds to the docstring of a Checked dataclass what its settings say, for `help`."""
    told = ((field.name, field.metadata) for field in dataclasses.fields(family) if "kind" in field.metadata)
    lines = [f"  {name}: {about['about']}; {about['kind'].needed.rstrip(',')}" for name, about in told]
    family.__doc__ = "\n".join([inspect.cleandoc(family.__doc__ or ""), "", "Attributes:", *lines])
    return family
