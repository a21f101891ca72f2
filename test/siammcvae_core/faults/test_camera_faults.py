# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from siammcvae_core.errors import InputError
from siammcvae_core.faults.camera import damage, FaultInjector, FAULTS
from siammcvae_core.faults.masks import make_mask, PATTERNS

SPECS = ['random:0.75', 'band:0.25', 'slices:0.3', 'block:0.2', 'full', 'freeze']
SHAPES = [(360, 640, 3), (375, 1242, 3), (375, 1242), (603, 966, 3), (33, 47)]


def noise(shape, seed=0):
    frame = np.random.default_rng(seed).integers(1, 255, shape, dtype=np.uint8)
    frame.setflags(write=False)  # a fault that writes to its input fails loudly
    return frame


def stream(count, shape=(48, 64, 3)):
    return [noise(shape, seed) for seed in range(count)]


def spec_of(name):
    return name if name == 'full' else f'{name}:0.4'


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('name', sorted(PATTERNS))
def test_outside_the_mask_nothing_changes(name, shape):
    frame = noise(shape)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        mask = make_mask(spec_of(name), shape[:2], rng)
        damaged = damage(frame, mask, name, rng)
        assert damaged.shape == frame.shape
        assert damaged.dtype == np.uint8
        assert damaged.flags.c_contiguous
        assert np.array_equal(damaged[~mask], frame[~mask])
        assert np.mean(damaged[mask] != frame[mask]) > 0.9  # the content is really gone


@pytest.mark.parametrize('shape', [(96, 128, 3), (96, 128)])
@pytest.mark.parametrize('name', sorted(set(PATTERNS) - {'dirt'}))  # its edge is soft
def test_lost_truth_does_not_reach_the_damaged_frame(name, shape):
    frame = noise(shape)
    mask = make_mask(spec_of(name), shape[:2], np.random.default_rng(5))
    other = frame.copy()
    other[mask] = 255 - other[mask]
    delivered = damage(frame, mask, name, np.random.default_rng(6))
    assert np.array_equal(delivered, damage(other, mask, name, np.random.default_rng(6)))


def test_band_holds_the_last_line():
    frame = noise((40, 30, 3))
    mask = np.zeros((40, 30), bool)
    mask[10:20] = True
    damaged = damage(frame, mask, 'band', np.random.default_rng(0))
    assert (damaged[10:20] == frame[9]).all()
    mask = np.roll(mask, -10, axis=0)
    assert not damage(frame, mask, 'band', np.random.default_rng(0))[:10].any()


def test_intact_frames_are_the_same_object():
    injector = FaultInjector([], 0.0, seed=0)
    frame = noise((48, 64))
    result = injector.inject(3, frame)
    assert result.frame is frame
    assert result.fault is None
    assert result.mask.shape == (48, 64)
    assert not result.mask.any()


def test_share_of_damaged_frames_and_every_fault_comes():
    injector = FaultInjector(SPECS, 0.3, seed=1, burst=2)
    results = [injector.inject(i, frame) for i, frame in enumerate(stream(600, (32, 32)))]
    damaged = [r.fault for r in results if r.fault]
    assert 0.22 < len(damaged) / len(results) < 0.38
    assert set(damaged) == set(SPECS)
    for result in results:
        assert bool(result.fault) == bool(result.mask.any())


def test_fault_depends_on_seed_and_index_only():
    frames = stream(60)
    specs = [spec for spec in SPECS if spec != 'freeze']
    forward = FaultInjector(specs, 0.5, seed=7, burst=3)
    backward = FaultInjector(specs, 0.5, seed=7, burst=3)
    there = [forward.inject(i, frame) for i, frame in enumerate(frames)]
    back = [backward.inject(i, frames[i]) for i in reversed(range(60))][::-1]
    for a, b in zip(there, back, strict=True):
        assert a.fault == b.fault
        assert np.array_equal(a.mask, b.mask)
        assert np.array_equal(a.frame, b.frame)
    other = FaultInjector(specs, 0.5, seed=8, burst=3)
    assert [r.fault for r in there] != [other.inject(i, f).fault for i, f in enumerate(frames)]


def test_a_freeze_strikes_in_any_order_and_shows_what_was_delivered_before():
    frames = stream(80)
    injector = FaultInjector(['freeze'], 0.4, seed=3, burst=4)
    results = [injector.inject(i, frame) for i, frame in enumerate(frames)]
    shuffled = FaultInjector(['freeze'], 0.4, seed=3, burst=4)
    for i in np.random.default_rng(0).permutation(80):
        result = shuffled.inject(int(i), frames[i])
        assert result.fault == results[i].fault
        assert result.mask.all() == bool(result.fault)
    last_good = None
    frozen = 0
    for frame, result in zip(frames, results, strict=True):
        if result.fault is None:
            last_good = frame
        elif last_good is not None:
            assert result.frame is last_good
            frozen += 1
    assert frozen > 10


def test_a_freeze_without_a_usable_past_is_black():
    frame = noise((48, 64, 3))
    injector = FaultInjector(['freeze'], 1.0, seed=0)
    assert not injector.inject(5, frame).frame.any()
    # An earlier index after a later one is a loop of the source: the future must not show.
    always = FaultInjector(['freeze'], 0.5, seed=0)
    damaged = [i for i in range(40) if always.inject(i, frame).fault]
    kept = next(i for i in range(1, 40) if i not in damaged and i - 1 in damaged)
    looping = FaultInjector(['freeze'], 0.5, seed=0)
    looping.inject(kept, frame)
    assert not looping.inject(kept - 1, frame).frame.any()
    resized = FaultInjector(['freeze'], 0.5, seed=0)
    after = next(i for i in range(1, 40) if i in damaged and i - 1 not in damaged)
    resized.inject(after - 1, noise((24, 32, 3)))
    assert not resized.inject(after, frame).frame.any()


@pytest.mark.parametrize('size', [(48, 64, 3), (48, 64)])
def test_a_freeze_on_a_black_frame_shows_what_was_captured_then(size):
    frames = [noise(size, seed) for seed in range(40)]
    injector = FaultInjector(['full', 'freeze'], 1.0, seed=0, burst=2)
    results = [injector.inject(i, frame) for i, frame in enumerate(frames)]
    faults = [result.fault for result in results]
    begins = [i for i in range(1, 40) if faults[i - 1 : i + 1] == ['full', 'freeze']]
    assert begins
    for i in begins:
        assert results[i].frame is frames[i - 1]
        assert i + 1 == 40 or faults[i + 1] != 'freeze' or results[i + 1].frame is frames[i - 1]


def test_bursts_last_and_dirt_keeps_its_place():
    injector = FaultInjector(['block:0.1', 'random:0.3'], 0.3, seed=2, burst=5)
    results = [injector.inject(i, frame) for i, frame in enumerate(stream(300, (128, 128)))]
    faults = [r.fault for r in results]
    changes = [i for i in range(1, 300) if faults[i] != faults[i - 1]]
    assert len({i % 5 for i in changes}) == 1  # faults begin and end at the windows' bounds
    seen = set()
    bound = changes[0] % 5
    for i in range(1, 300):
        if faults[i] and i % 5 != bound:
            same = np.array_equal(results[i].mask, results[i - 1].mask)
            assert same == faults[i].startswith('block')
            seen.add(faults[i])
    assert len(seen) == 2


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ((['freze'], 0.5, 0), ["'freze'", ', '.join(FAULTS), "did you mean 'freeze'"]),
        ((['band'], 0.5, 0), ['band:0.25']),
        ((['full'], 1.5, 0), ['[0, 1]', '1.5']),
        ((['full'], float('nan'), 0), ['[0, 1]', 'nan']),
        (([], 0.5, 0), ['no fault']),
        ((['full'], 0.5, -1), ['seed', '-1']),
        ((['full'], 0.5, 0, 0), ['burst', '0']),
    ],
)
def test_bad_arguments_are_refused_in_one_line(arguments, words):
    with pytest.raises(InputError) as error:
        FaultInjector(*arguments)
    assert '\n' not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_negative_index_is_refused():
    with pytest.raises(InputError, match='-1'):
        FaultInjector(['full'], 0.5, 0).inject(-1, noise((8, 8)))
