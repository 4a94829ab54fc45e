"""Schedule: its text, and what it refuses."""

import math

import numpy as np
import pytest

from infogan.schedule import FULL, Schedule, one_after_another, schedules_from_text
from infogan.system.messages import InputError


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("none", ()),
        ("0:0.25", ((0, 0.25),)),
        ("400:0,600:1", ((400, 0.0), (600, 1.0))),
        ("1:1, 2:0", ((1, 1.0), (2, 0.0))),
    ],
)
def test_text_both_ways(text, points):
    schedule = Schedule.from_text(text)
    assert schedule == Schedule(points)
    assert str(schedule) == text.replace(" ", "")


def test_points_may_be_lists_as_in_json():
    assert Schedule([[400, 0], [600, 1]]) == Schedule(((400, 0), (600, 1)))
    assert Schedule([]) == FULL


def test_points_may_be_numbers_of_numpy():
    schedule = Schedule(zip(np.arange(2), np.float32([0, 0.5])))
    assert (schedule, repr(schedule.points)) == (Schedule(((0, 0.0), (1, 0.5))), "((0, 0.0), (1, 0.5))")


@pytest.mark.parametrize(
    ("text", "start"),
    [("none", 0), ("5:0.1,9:1", 0), ("5:0,9:1", 5), ("5:0,7:0,9:1", 7), ("5:1,9:0", 0), ("5:0,9:0", math.inf)],
)
def test_start(text, start):
    assert Schedule.from_text(text).start == start


@pytest.mark.parametrize(
    "text", ["", "1", "1:2:3", "a:1", "-1:1", "1:-1", "1:nan", "1:101", "2:1,1:0", "1:0,1:1", "1:0,", "\u00b2:1"]
)
def test_refuses_other_texts(text):
    with pytest.raises(
        InputError, match=r"^schedule: .* was given, but shares from 0 to 100 at rising updates are needed"
    ):
        Schedule.from_text(text)


@pytest.mark.parametrize("points", [None, 3, (1,), ((1, 2, 3),), ((1.5, 1),), ((True, 1),), ((1, True),), ((1, "1"),)])
def test_refuses_other_points(points):
    with pytest.raises(InputError, match=r"^schedule: "):
        Schedule(points)


def test_text_of_several():
    assert schedules_from_text("none") == ()
    assert schedules_from_text("none/400:0,600:1") == (FULL, Schedule(((400, 0.0), (600, 1.0))))
    with pytest.raises(InputError, match=r"^schedule: 'x' was given"):
        schedules_from_text("none/x")


def test_codes_one_after_another():
    assert [str(schedule) for schedule in one_after_another(Schedule.from_text("100:0,150:1"), 3, apart=50)] == [
        *("100:0,150:1", "150:0,200:1", "200:0,250:1")
    ]
