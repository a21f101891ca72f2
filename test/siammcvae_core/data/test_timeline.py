# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Time codes that repeat, restart, wrap, lack or lie become times that only go on."""

from dataclasses import dataclass
from fractions import Fraction

import pytest

from siammcvae_core.data.timeline import Timeline

PERIOD = 100_000_000  # ns
MILLI = Fraction(1, 1000)
MPEG = Fraction(1, 90000)


@dataclass
class Decoded:
    """What a timeline looks at in a frame."""

    pts: int | None
    dts: int | None = None
    duration: int = 0


def times(codes: list, base: Fraction = MILLI, joinable: bool = False) -> list[float]:
    """Return stamps in ms of frames with these time codes."""
    timeline = Timeline(base, PERIOD, joinable)
    frames = [code if isinstance(code, Decoded) else Decoded(code) for code in codes]
    return [timeline.stamp(frame) / 1e6 for frame in frames]


@pytest.mark.parametrize(
    ('codes', 'expected'),
    [
        ([700, 733, 900, 1011], [0, 33, 200, 311]),
        ([-50, 0, 50], [0, 50, 100]),
        ([0, 100, 100, 100, 200], [0, 100, 101, 102, 200]),
        ([0, 0, 0, 1, 2, 100], [0, 1, 2, 3, 4, 100]),
        ([0, 100, 200, 0, 100, 200], [0, 100, 200, 300, 400, 500]),
        ([5000, 5100, 20, 120, 40, 140], [0, 100, 200, 300, 301, 320]),
        ([0, 200, 100, 300], [0, 200, 201, 300]),
        ([None, None, None], [0, 100, 200]),
        ([None, 500, None, 700], [0, 100, 200, 300]),
        ([0, 100, None, 300], [0, 100, 200, 300]),
        ([0, 3_600_000], [0, 3_600_000]),
        ([0, 10**12, 10**12 + 50], [0, 100, 150]),
    ],
)
def test_times_go_on(codes: list[int | None], expected: list[int]) -> None:
    assert times(codes) == expected


def test_restarted_time_goes_on_after_the_duration_of_the_last_frame() -> None:
    codes = [Decoded(time, duration=40) for time in (0, 40, 80, 0, 40)]
    assert times(codes) == [0, 40, 80, 120, 160]
    assert times([Decoded(0, duration=10**12), Decoded(-500)]) == [0, 100]


def test_the_clock_of_mpeg_wraps_without_a_trace() -> None:
    last = 2**33 - 9000
    assert times([last, last + 4500, 0, 27000], MPEG) == [0, 50, 100, 400]
    assert times([last, 810000 - 9000], MPEG) == [0, 9000]


def test_a_jump_in_a_format_made_for_joining_is_a_seam() -> None:
    assert times([0, 9000, 90 * 10**6, 90 * 10**6 + 9000], MPEG, joinable=True) == [
        0,
        100,
        200,
        300,
    ]
    assert times([0, 9000, 9000 + 90 * 9500], MPEG, joinable=True) == [0, 100, 9600]
    assert times([0, 9000, 90 * 10**6], MPEG) == [0, 100, 1_000_000]


def test_dts_serves_where_pts_are_out_of_order() -> None:
    codes = [Decoded(p, d) for p, d in [(100, 200), (400, 300), (300, 400), (200, 500), (700, 600)]]
    stamps = times(codes)
    assert stamps == sorted(set(stamps))
    assert stamps[2:] == [301, 400, 500]


def test_a_timeline_says_whether_it_was_restarted() -> None:
    timeline = Timeline(MILLI, PERIOD)
    for code in (0, 100, 100, 200):
        timeline.stamp(Decoded(code))
    assert not timeline.restarted
    timeline.stamp(Decoded(0))
    assert timeline.restarted
