# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames that are drawn: the same for all methods, never a repeat, no truth in the damage."""

from pathlib import Path

import numpy as np
import pytest

from siammcvae_core.data.pairs import Gap
from siammcvae_core.data.sources import open_source
from siammcvae_core.errors import SourceError
from siammcvae_core.evaluate.samples import choose_frames, DamagedCase, draw_cases, fit, spread

MASKS = ('random:0.5', 'full')
GAPS = (Gap(1), Gap(3))
SIZE = (80, 96)


def cases(folder: Path, seed: int = 0, masks: tuple[str, ...] = MASKS) -> list[DamagedCase]:
    source = open_source(folder)
    chosen = choose_frames(source, folder.name, GAPS, seed, 4)
    return list(draw_cases(source, folder.name, chosen, masks, GAPS, SIZE, seed))


def test_every_frame_comes_with_every_gap_and_mask(clips: Path) -> None:
    drawn = cases(clips / 'day')
    assert len(drawn) == 4 * 2 * 2
    assert len({case.index for case in drawn}) == 4
    frames = [frame.image for frame in open_source(clips / 'day')]
    for case in drawn:
        assert np.array_equal(case.truth, fit(frames[case.index], SIZE))
        older = case.index - case.gap.frames
        assert np.array_equal(case.reference_frames[0].frame, fit(frames[older], SIZE))
        assert np.array_equal(case.reference_frames[1].frame, fit(frames[older - 1], SIZE))
        assert case.seconds == pytest.approx(case.gap.frames / 10)
        assert case.stamp - case.reference_frames[1].stamp == pytest.approx(case.seconds + 0.1)


def test_damage_hides_the_truth_and_keeps_the_rest(clips: Path) -> None:
    for case in cases(clips / 'day'):
        assert np.array_equal(case.frame[~case.mask], case.truth[~case.mask])
        assert len(np.unique(case.frame[case.mask], axis=0)) == 1


def test_masks_are_of_the_frame_not_of_the_gap(clips: Path) -> None:
    masks: dict[tuple[int, str], list[bytes]] = {}
    for case in cases(clips / 'day'):
        masks.setdefault((case.index, case.mask_spec), []).append(case.mask.tobytes())
    assert all(len(same) == 2 and len(set(same)) == 1 for same in masks.values())
    random = [same[0] for (_, spec), same in masks.items() if spec == 'random:0.5']
    assert len(set(random)) == len(random)


def test_drawing_depends_on_the_seed_alone(clips: Path) -> None:
    def masks_of(seed: int, masks: tuple[str, ...] = MASKS) -> set[tuple[int, bytes]]:
        drawn = cases(clips / 'day', seed, masks)
        return {(case.index, case.mask.tobytes()) for case in drawn}

    assert masks_of(0) == masks_of(0)
    assert masks_of(0) != masks_of(1)
    assert masks_of(0, ('random:0.5',)) < masks_of(0)  # other masks in the plan change nothing


def test_repeats_are_neither_targets_nor_their_own_references(clips: Path) -> None:
    frames = [frame.image for frame in open_source(clips / 'stutter')]
    drawn = [case for seed in range(4) for case in cases(clips / 'stutter', seed)]
    for case in drawn:
        assert case.index % 4 != 3
        assert not np.array_equal(fit(frames[case.index], SIZE), case.reference_frames[0].frame)
        assert not np.array_equal(case.reference_frames[0].frame, case.reference_frames[1].frame)


def test_clip_shorter_than_the_gap_says_so(clips: Path) -> None:
    with pytest.raises(SourceError, match='none of its 16 distinct frames has two references'):
        choose_frames(open_source(clips / 'day'), 'day', (Gap(1), Gap(15)), 0, 4)


def test_samples_are_spread_over_the_clip() -> None:
    for seed in range(20):
        chosen = spread(range(100), 4, np.random.default_rng(seed))
        assert [frame // 25 for frame in chosen] == [0, 1, 2, 3]
    assert spread([3, 5], 9, np.random.default_rng(0)) == [3, 5]


@pytest.mark.parametrize('shape', [(90, 160, 3), (90, 160), (33, 47, 3), (240, 320, 3)])
def test_fit_keeps_the_aspect_and_the_centre(shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, np.uint8)
    middle = shape[0] // 2, shape[1] // 2
    image[middle[0] - 4 : middle[0] + 4, middle[1] - 4 : middle[1] + 4] = 255
    fitted = fit(image, (64, 96))
    assert fitted.shape[:2] == (64, 96)
    plane = fitted if fitted.ndim == 2 else fitted[..., 0]
    rows, columns = (np.flatnonzero(plane.max(axis) > 127) for axis in (1, 0))
    assert abs(rows.mean() - 31.5) <= 1.5
    assert abs(columns.mean() - 47.5) <= 1.5
    assert abs(len(rows) - len(columns)) <= 1
