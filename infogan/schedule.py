"""Schedule: how strong something is at each update of a run."""

import dataclasses
import itertools
import math
import re
from collections.abc import Sequence

from infogan.system.checks import number, whole
from infogan.system.messages import InputError

LARGEST_SHARE = 100.0
UPDATE, SHARE = whole(), number(high=LARGEST_SHARE)
POINT_PATTERN = re.compile(r"(\d{1,15}):(\d{1,9}(?:\.\d{1,9})?)")


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A share of full strength over the updates of a run, linear between points and constant outside them.

    Attributes:
      points: tuple of (update, share) with rising updates; () is full strength throughout.

    Raises:
      InputError: if they are no such points.
    """

    points: Sequence[tuple[int, float]] = ()

    def __post_init__(self) -> None:
        try:
            points = tuple((UPDATE.check("", update), SHARE.check("", share)) for update, share in self.points)
        except (TypeError, ValueError):  # of which InputError is one
            raise _no_schedule(self.points) from None
        if any(later <= earlier for (earlier, _), (later, _) in itertools.pairwise(points)):
            raise _no_schedule(self.points)
        object.__setattr__(self, "points", points)

    @classmethod
    def from_text(cls, text: str) -> "Schedule":
        """ "400:0,600:1" -> 0 up to update 400, 1 from update 600 on; "none" -> full strength throughout."""
        if text == "none":
            return cls()
        points = []
        for part in text.split(","):
            match = POINT_PATTERN.fullmatch(part.strip())
            if not match:
                raise _no_schedule(text)
            points.append((int(match[1]), float(match[2])))
        return cls(points)

    @property
    def start(self) -> float:
        """The update up to which the share is 0: 0 if it never is, infinity if it always is."""
        if not self.points or self.points[0][1] > 0:
            return 0
        leading = list(itertools.takewhile(lambda point: point[1] == 0, self.points))
        return leading[-1][0] if len(leading) < len(self.points) else math.inf

    def __str__(self) -> str:
        return ",".join(f"{update}:{share:g}" for update, share in self.points) or "none"


FULL = Schedule()


def schedules_from_text(text: str) -> tuple[Schedule, ...]:
    """Schedules of several codes: "none/400:0,600:1" -> one at full strength throughout, one that rises; "none" -> ().

    Raises:
      InputError: if a part is no Schedule.
    """
    return () if text == "none" else tuple(map(Schedule.from_text, text.split("/")))


def one_after_another(first: Schedule, count: int, apart: int) -> tuple[Schedule, ...]:
    """Schedules of codes that come in one after another, each as the first does.

    Args:
      first: Schedule of the first code.
      count: how many codes there are.
      apart: int, updates from one code to the next.

    Returns:
      tuple of `count` Schedules.
    """
    delays = range(0, count * apart, apart)
    return tuple(Schedule(tuple((update + delay, share) for update, share in first.points)) for delay in delays)


def _no_schedule(given: object) -> InputError:
    return InputError(
        "schedule",
        f"{given!r} was given, but shares from 0 to {LARGEST_SHARE:g} at rising updates are needed, such as "
        "400:0,600:1, or none.",
    )
