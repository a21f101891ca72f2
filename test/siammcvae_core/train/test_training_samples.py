# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A sample is a function of its number; its frames share one crop; masks are of patches."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('accelerate', reason='accelerate is not installed')

from siammcvae_core.data.cache import CachedClip, ClipFacts, FrameCache
from siammcvae_core.data.layouts import find_clips
from siammcvae_core.data.pairs import Gap
from siammcvae_core.errors import InputError
from siammcvae_core.train.config import DataConfig, TrainConfig
from siammcvae_core.train.samples import (
    ClipOrder,
    cut,
    draw_lost,
    draw_positions,
    has_pair,
    Sample,
    SampleFormat,
    TrainingSamples,
    ValidationSamples,
)

FORMAT = SampleFormat((32, 48), 8, 1)


def clip(indices: list[int], shape: tuple[int, ...] = (40, 60, 3)) -> CachedClip:
    """Make a clip whose pixels tell where they are; frames differ by 10 levels of blue."""
    rows, columns = np.indices(shape[:2])
    frames = np.zeros((len(indices), *shape), np.uint8)
    frames[..., 2], frames[..., 1] = 4 * columns, 6 * rows
    frames[..., 0] = 10 * np.arange(len(indices))[:, None, None]
    where = np.array(indices)
    return CachedClip(ClipFacts('clip', len(indices), shape), frames, where, where * 100_000_000)


@pytest.fixture
def samples(config: Callable[..., TrainConfig]) -> Callable[..., TrainingSamples]:
    def samples(**data: object) -> TrainingSamples:
        keys = config(data=data).data
        cache = FrameCache(keys.cache_folder, 10**9, keys.side)
        clips = find_clips(keys.train)
        order = ClipOrder(cache.survey(clips), keys, cache.budget, seed=1)
        return TrainingSamples(clips, cache, order, FORMAT, keys, seed=1)

    return samples


def frames(least: int, most: int) -> tuple[Gap, Gap]:
    return Gap(least), Gap(most)


def same(a: Sample, b: Sample) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_sample_is_a_function_of_its_number(samples):
    forth, back = samples(), samples()
    there = [forth[i] for i in range(20)]
    assert all(same(there[i], back[i]) for i in reversed(range(20)))
    assert not any(same(there[0], other) for other in there[1:])
    assert there[0].frames.shape == (2, 32, 48, 3)
    assert there[0].lost.shape == (24,)


def test_the_seed_makes_other_samples(config, drives):
    keys = config().data
    cache = FrameCache(keys.cache_folder, 10**9, keys.side)
    clips = find_clips(str(drives))
    drawn_samples = []
    for seed in (1, 2):
        order = ClipOrder(cache.survey(clips), keys, cache.budget, seed)
        drawn_samples.append(TrainingSamples(clips, cache, order, FORMAT, keys, seed)[0])
    assert not same(*drawn_samples)


@pytest.mark.parametrize(('flip', 'falls'), [(0.0, False), (1.0, True)])
def test_all_frames_are_cut_and_mirrored_alike(flip, falls, monkeypatch):
    keys = DataConfig(flip=flip, reverse=0.0, zoom=(0.5, 1.0))
    only = clip(list(range(20)))
    order = ClipOrder([only.facts], keys, 10**9, 0)

    class Cache:
        def open(self, _: object) -> CachedClip:
            return only

    drawn_samples = TrainingSamples(['clip'], Cache(), order, SampleFormat((32, 48), 8, 2), keys, 0)
    corners = set()
    for index in range(10):
        first, second, target = drawn_samples[index].frames.astype(int)
        np.testing.assert_array_equal(first[..., :2], target[..., :2])
        np.testing.assert_array_equal(second[..., :2], target[..., :2])
        assert (target[0, 0, 2] > first[0, 0, 2] > second[0, 0, 2]).all()
        assert (target[0, 0, 0] > target[0, -1, 0]) == falls
        corners.add((target[0, 0, 0], target[0, 0, 1]))
    assert len(corners) > 5


def test_seconds_and_reversal_belong_together(samples):
    forwards, backwards = samples(reverse=0.0, flip=0.0), samples(reverse=1.0, flip=0.0)
    turned = 0
    for index in range(20):
        there, back = forwards[index], backwards[index]
        assert there.seconds == back.seconds > 0
        turned += np.array_equal(there.frames[::-1], back.frames)
    assert turned == 20


@pytest.mark.parametrize('references', [1, 2])
@pytest.mark.parametrize('gap', [(1, 30), (4, 4), (3, 9)])
def test_positions_are_a_drawn_gap_apart(references, gap):
    indices = [i for i in range(60) if i % 5 != 3]  # every fifth frame repeated the one before
    cached, rng = clip(indices), np.random.default_rng(0)
    gaps = []
    for _ in range(300):
        *positions, target = draw_positions(cached, frames(*gap), references, rng)
        assert positions == list(range(positions[0], positions[0] - references, -1))
        assert positions[-1] >= 0
        gaps.append(indices[target] - indices[positions[0]])
    # Where the wanted frame was a repeat, what the camera showed is one frame older.
    assert gap[0] <= min(gaps)
    assert max(gaps) <= gap[1] + 1


def test_short_gaps_are_as_frequent_as_long_ones_by_factor():
    cached, rng = clip(list(range(400)), (4, 6, 3)), np.random.default_rng(0)
    drawn = [draw_positions(cached, frames(1, 30), 1, rng) for _ in range(4000)]
    gaps = np.array([target - reference for reference, target in drawn])
    # log-uniform: 1..4, 5..(30 + 1) take log(5), log(31) - log(5) of log(31)
    assert np.mean(gaps < 5) == pytest.approx(np.log(5) / np.log(31), abs=0.03)
    assert set(gaps) == set(range(1, 31))


def test_a_short_clip_gives_the_gaps_it_has():
    cached, rng = clip([0, 1, 2]), np.random.default_rng(0)
    drawn = [draw_positions(cached, frames(1, 30), 1, rng) for _ in range(50)]
    assert {tuple(positions) for positions in drawn} == {(0, 1), (1, 2), (0, 2)}
    for references, longest in ((1, 2), (2, 1), (3, 0)):
        reached = [has_pair(cached, references, Gap(length)) for length in (1, 2, 3)]
        assert reached == [length <= longest for length in (1, 2, 3)]


def test_gaps_may_be_times():
    cached, rng = clip([0, 1, 2, 5, 6, 9, 10, 14]), np.random.default_rng(0)  # 0.1 s per number
    times = Gap(seconds=0.2), Gap(seconds=0.5)
    drawn = {tuple(draw_positions(cached, times, 1, rng)) for _ in range(300)}
    apart = {pair: cached.indices[pair[1]] - cached.indices[pair[0]] for pair in drawn}
    # Where no frame was taken just then, the one nearest in time serves.
    assert {*apart.values()} >= {1, 3, 4, 5}
    assert max(apart.values()) <= 6
    assert (6, 7) in drawn
    assert has_pair(cached, 1, Gap(seconds=1.4))
    assert not has_pair(cached, 1, Gap(seconds=1.5))
    assert not has_pair(cached, 2, Gap(seconds=1.4))


def test_a_crop_has_its_aspect_and_place():
    cached = clip([0, 1])
    whole = cut(cached, [0], (40, 60), 1, (0, 0))[0]
    np.testing.assert_array_equal(whole, cached.frames[0][..., ::-1])
    corner = cut(cached, [1], (20, 30), 0.5, (1, 1))[0]
    np.testing.assert_array_equal(corner, cached.frames[1][20:, 30:, ::-1])
    tall = cut(cached, [0], (40, 20), 1, (0.5, 0))[0]
    np.testing.assert_array_equal(tall, cached.frames[0][:, 20:40, ::-1])


def test_grey_frames_become_rgb():
    grey = np.arange(40 * 60, dtype=np.uint8).reshape(1, 40, 60)
    cached = CachedClip(ClipFacts('grey', 1, (40, 60)), grey, np.zeros(1), np.zeros(1))
    whole = cut(cached, [0], (40, 60), 1, (0, 0))
    np.testing.assert_array_equal(whole, np.stack([grey] * 3, -1))


def test_masks_are_of_patches_and_of_the_ratio():
    rng = np.random.default_rng(0)
    keys = DataConfig(faults={'random': 1.0}, ratio=(0.25, 0.75))
    shares = [draw_lost(FORMAT, keys, rng).mean() for _ in range(300)]
    assert 0.2 < min(shares) < 0.3
    assert 0.7 < max(shares) < 0.8
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    band = draw_lost(FORMAT, DataConfig(faults={'band': 1.0}, ratio=(0.3, 0.3)), rng).reshape(4, 6)
    assert (band.all(1) == band.any(1)).all()
    assert draw_lost(FORMAT, DataConfig(faults={'full': 1.0}), rng).all()


def test_patterns_are_drawn_by_their_weights():
    rng = np.random.default_rng(0)
    keys = DataConfig(faults={'full': 1.0, 'random': 3.0}, ratio=(0.5, 0.5))
    full = [draw_lost(FORMAT, keys, rng).all() for _ in range(1000)]
    assert np.mean(full) == pytest.approx(0.25, abs=0.05)


def test_night_darkens_all_frames_alike_and_shifts_no_draw(samples):
    day, mixed = samples(), samples(night=0.3)
    there = [mixed[i] for i in range(40)]
    assert all(same(there[i], mixed[i]) for i in reversed(range(40)))
    dark = []
    for index, sample in enumerate(there):
        light = day[index]
        assert same(sample._replace(frames=light.frames), light)
        if not np.array_equal(sample.frames, light.frames):
            dark.append(sample.frames.mean((1, 2, 3)) / light.frames.mean((1, 2, 3)))
    assert 5 < len(dark) < 20
    assert np.ptp(dark, axis=1).max() < 0.02  # one exposure for all frames of a sample
    assert np.ptp(dark, axis=0).min() > 0.1  # another for every sample


def facts(name: str, frames: int) -> ClipFacts:
    return ClipFacts(name, frames, (10, 10))


def drawn(order: ClipOrder, count: int) -> list[int]:
    return [order.draw(i, np.random.default_rng((7, i))) for i in range(count)]


def test_clips_are_drawn_by_length_and_factor():
    keys = DataConfig(clip_weights={'*_gray*': 0.25})
    order = ClipOrder([facts('a', 300), facts('b_gray', 400), facts('c', 0)], keys, 10**9, 0)
    counts = Counter(drawn(order, 4000))
    assert not order.moves
    assert counts[0] / counts[1] == pytest.approx(3, rel=0.15)
    assert counts[2] == 0


def test_a_window_moves_through_all_clips_within_the_budget():
    every = [facts(f'{i}', 100) for i in range(20)]
    budget = 8 * every[0].room
    order = ClipOrder(every, DataConfig(), budget, 0)
    assert order.moves
    assert order.window == 6  # three quarters of the budget
    clips = drawn(order, 20 * 10 * 3)
    for start in range(0, len(clips), 10):  # one move of the window
        assert len(set(clips[start : start + 10])) <= order.window
    assert set(clips) == set(range(20))
    entries = [c for i, c in enumerate(clips) if c not in clips[max(0, i - 80) : i]]
    assert len(entries) < 3 * 20 * 1.5  # about once per pass


def test_no_clip_to_draw_from_is_an_error():
    with pytest.raises(InputError, match='no clip has frames'):
        ClipOrder([facts('a_gray', 10)], DataConfig(clip_weights={'*': 0.0}), 10**9, 0)


def test_validation_samples_stay_the_same_and_visit_every_clip(config, drives: Path):
    keys = config().data
    cache = FrameCache(keys.cache_folder, 10**9, keys.side)
    clips = find_clips(str(drives))
    first = ValidationSamples(clips, cache, FORMAT, keys, 6, seed=1)
    again = ValidationSamples(clips, cache, FORMAT, keys, 6, seed=1)
    assert all(same(first[i], again[i]) for i in range(6))
    assert len(first) == 6
    for index in range(3):  # a frame of clip `index`, whole height, in the middle
        target = first[index].frames[-1]
        cached = cache.open(clips[index])
        every = cut(cached, range(len(cached.frames)), (32, 48), 1, (0.5, 0.5))
        assert any(np.array_equal(target, frame) for frame in every)


@pytest.mark.parametrize('reverse', [0.0, 1.0])
def test_roll_outs_put_damaged_frames_between_references_and_target(reverse):
    only = clip(list(range(40)))

    class Cache:
        def open(self, _: object) -> CachedClip:
            return only

    sample_format = SampleFormat((32, 48), 8, 2, rollout=2)
    drawn_samples = {}
    for rollouts in (0.0, 1.0):
        keys = DataConfig(flip=0.0, reverse=reverse, gap=(1, 12), rollouts=rollouts)
        order = ClipOrder([only.facts], keys, 10**9, 0)
        samples = TrainingSamples(['clip'], Cache(), order, sample_format, keys, 0)
        drawn_samples[rollouts] = [samples[index] for index in range(60)]
    assert not any(sample.damaged.any() for sample in drawn_samples[0.0])
    stayed = changed = 0
    for sample in drawn_samples[1.0]:
        assert sample.frames.shape == (5, 32, 48, 3)
        assert sample.damaged.shape == (4, 24)
        ages = np.round(sample.seconds * 10).astype(int)
        if not sample.damaged.any():  # no room between the newest intact frame and the target
            assert ages[0] <= 2
            continue
        # The first is next to the target, the last two are intact and next to each other.
        assert ages[0] == 1
        assert ages[0] < ages[1] < ages[2]
        assert ages[3] == ages[2] + 1
        assert sample.damaged[:2].any(1).all()
        assert not sample.damaged[2:].any()
        same = all(np.array_equal(lost, sample.lost) for lost in sample.damaged[:2])
        stayed, changed = stayed + same, changed + (not same)
    assert min(stayed, changed) > 5
