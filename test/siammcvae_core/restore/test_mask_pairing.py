# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Each image gets its mask, whatever the stamps."""

import pytest

from siammcvae_core.restore.recordings.mask_pairing import pair_masks, Times


def times(*stamps: int, delay: int = 0, step: int = 100) -> list[Times]:
    return [(stamp, 1000 + number * step + delay) for number, stamp in enumerate(stamps)]


@pytest.mark.parametrize(
    ('images', 'masks', 'pairs'),
    [
        # Stamps that advance: whatever the order of recording.
        (times(1, 2, 3), times(3, 1), [1, None, 0]),
        (times(1, 2, 3), times(1, 2, 3, delay=5000), [0, 1, 2]),
        (times(1, 2), times(2, 2), [None, 1]),
        (times(1, 2), times(7), [None, None]),
        # Unset, standing or repeated stamps, as many masks as images: one each.
        (times(0, 0, 0), times(0, 0, 0, delay=-1), [0, 1, 2]),
        (times(0, 0, 0), times(0, 0, 0, delay=1), [0, 1, 2]),
        (times(5, 5, 5), times(5, 5, 5), [0, 1, 2]),
        (times(1, 1, 2, 2), times(1, 1, 2, 2), [0, 1, 2, 3]),
        # Fewer: the last one before the image holds.
        (times(0, 0, 0, 0), [(0, 1150)], [None, None, 0, 0]),
        (times(5, 5, 5), [(5, 999), (5, 1101)], [0, 0, 1]),
        (times(1, 1, 2), [(1, 1050)], [None, 0, None]),
        # A monitor with a clock beside a camera without.
        (times(0, 0, 0), [(91, 999), (92, 1099), (93, 1199)], [0, 1, 2]),
        (times(0, 0, 9), [(91, 1050), (9, 1150)], [None, 0, 1]),
        (times(0), times(0), [0]),
        ([], times(1), []),
    ],
)  # fmt: skip
def test_pairs(images: list[Times], masks: list[Times], pairs: list[int | None]) -> None:
    assert pair_masks(images, masks) == pairs
