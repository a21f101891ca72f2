# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Clips are decoded once, stay within the budget, and report where they are broken."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
import json
import os
from pathlib import Path
import pickle

import cv2
import numpy as np
import pytest

from siammcvae_core.data import cache as cache_module
from siammcvae_core.data.cache import FrameCache
from siammcvae_core.data.clips import write_video
from siammcvae_core.data.layouts import Clip
from siammcvae_core.errors import InputError, SourceError

MB = 1 << 20


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Clip]:
    """Make a folder of images of random cells: frames of 48 x 64 pixels, some shown again."""

    def make(name: str, frames: int = 8, grey: bool = False, again: tuple[int, ...] = ()) -> Clip:
        folder = tmp_path / 'clips' / name
        folder.mkdir(parents=True)
        rng = np.random.default_rng(len(name))
        for index in range(frames):
            if index not in again:
                shape = (6, 8) if grey else (6, 8, 3)
                cells = rng.integers(0, 256, shape, np.uint8)
                image = cv2.resize(cells, (64, 48), interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(str(folder / f'{index}.png'), image)
        return Clip(name, str(folder))

    return make


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the paths of all sources that are opened."""
    paths: list[str] = []
    real = cache_module.open_source

    def open_source(path: str, topic: str) -> object:
        paths.append(path)
        return real(path, topic)

    monkeypatch.setattr(cache_module, 'open_source', open_source)
    return paths


def raw_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob('*.raw'))


def test_frames_are_those_of_the_clip(tmp_path, clip):
    bars = clip('bars')
    cached = FrameCache(tmp_path / 'cache', MB, side=48).open(bars)
    for index in range(8):
        image = cv2.imread(f'{bars.path}/{index}.png')
        np.testing.assert_array_equal(cached.frames[index], image)
    np.testing.assert_array_equal(cached.indices, np.arange(8))
    np.testing.assert_array_equal(cached.stamps, np.arange(8) * 100_000_000)
    assert not cached.frames.flags.writeable


def test_frames_are_scaled_down_to_the_short_side_never_up(tmp_path, clip):
    one = clip('one')
    small = FrameCache(tmp_path / 'cache', MB, side=24).open(one)
    assert small.frames.shape == (8, 24, 32, 3)
    image = cv2.imread(f'{one.path}/3.png')
    halved = cv2.resize(image, (32, 24), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(small.frames[3], halved)
    large = FrameCache(tmp_path / 'cache', MB, side=480).open(one)
    assert large.frames.shape == (8, 48, 64, 3)


def test_grey_clips_take_one_plane(tmp_path, clip):
    cached = FrameCache(tmp_path / 'cache', MB, side=48).open(clip('grey', grey=True))
    assert cached.frames.shape == (8, 48, 64)


def test_repeats_are_not_stored(tmp_path, clip):
    cached = FrameCache(tmp_path / 'cache', MB, side=48).open(clip('stutter', again=(3, 4, 6)))
    np.testing.assert_array_equal(cached.indices, [0, 1, 2, 5, 7])


def test_a_clip_is_decoded_once_for_all(tmp_path, clip, opened):
    bars = clip('bars')
    cache = FrameCache(tmp_path / 'cache', MB, side=48)
    (facts,) = cache.survey([bars])
    assert (facts.declared, facts.shape, facts.decoded) == (8, (48, 64, 3), False)
    first = cache.open(bars)
    before = len(opened)
    assert cache.open(bars) is first
    again = FrameCache(tmp_path / 'cache', MB, side=48)
    (known,) = again.survey([bars])
    assert (known.decoded, known.frames, known.room) == (True, 8, facts.room)
    np.testing.assert_array_equal(again.open(bars).frames, first.frames)
    received = pickle.loads(pickle.dumps(cache))
    np.testing.assert_array_equal(received.open(bars).frames, first.frames)
    assert len(opened) == before


def test_several_at_once_decode_a_clip_once(tmp_path, clip, opened):
    bars = clip('bars')
    caches = [FrameCache(tmp_path / 'cache', MB, side=48) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        shapes = [c.frames.shape for c in pool.map(lambda cache: cache.open(bars), caches)]
    assert shapes == [(8, 48, 64, 3)] * 6
    assert len(opened) == 2  # to look at it, to decode it


def test_a_clip_that_changed_is_decoded_anew(tmp_path, clip):
    bars = clip('bars')
    cache = FrameCache(tmp_path / 'cache', MB, side=48)
    cache.open(bars)
    (Path(bars.path) / '7.png').unlink()
    os.utime(bars.path, (1, 1))
    assert len(FrameCache(tmp_path / 'cache', MB, side=48).open(bars).frames) == 7


@pytest.mark.parametrize('suffix', ['.json', '.raw'])
def test_damaged_cache_files_are_made_anew(tmp_path, clip, suffix):
    bars = clip('bars')
    FrameCache(tmp_path / 'cache', MB, side=48).open(bars)
    (path,) = (tmp_path / 'cache').glob(f'*{suffix}')
    path.write_bytes(path.read_bytes()[:-7])
    assert len(FrameCache(tmp_path / 'cache', MB, side=48).open(bars).frames) == 8


@pytest.mark.parametrize(
    'change',
    [
        {'frames': '8'}, {'frames': -1}, {'declared': None}, {'shape': [[1], 2, 3]}, {'shape': []},
        {'shape': ['x', 'y']}, {'decoded': 1}, {'unusable': None}, {'broken': 3},
    ],
)  # fmt: skip
def test_facts_that_make_no_sense_are_read_anew(tmp_path, clip, change):
    drive = clip('drive')
    whole = FrameCache(tmp_path / 'cache', MB, 48).open(drive)
    (stored,) = (tmp_path / 'cache').glob('*.json')
    text = stored.read_text()
    stored.write_text(json.dumps(json.loads(text) | change))
    again = FrameCache(tmp_path / 'cache', MB, 48).open(drive)
    assert np.array_equal(again.frames, whole.frames)
    assert stored.read_text() == text


def test_the_budget_holds_and_the_longest_unused_goes(tmp_path, clip):
    size = 8 * (48 * 64 * 3 + 16)
    cache = FrameCache(tmp_path / 'cache', 3 * size, side=48)
    a, b, c, d = (clip(name) for name in ('a', 'bb', 'ccc', 'dddd'))
    mapped = cache.open(a)
    pixels = mapped.frames.copy()
    files = {}
    for other in (b, c):
        before = set((tmp_path / 'cache').glob('*.raw'))
        cache.open(other)
        (files[other.name],) = set((tmp_path / 'cache').glob('*.raw')) - before
    cache.open(a)  # used again, so b is the oldest now
    cache.open(d)
    assert raw_bytes(tmp_path / 'cache') == 3 * size
    assert not files['bb'].exists()
    assert files['ccc'].exists()
    # b was deleted while mapped: it still serves here, and anew elsewhere.
    assert len(cache.open(b).frames) == 8
    np.testing.assert_array_equal(mapped.frames, pixels)
    assert len(FrameCache(tmp_path / 'cache', 3 * size, side=48).open(b).frames) == 8
    assert raw_bytes(tmp_path / 'cache') <= 3 * size


def test_a_clip_too_large_for_the_budget_is_cut(tmp_path, clip):
    cached = FrameCache(tmp_path / 'cache', 8 * 48 * 64 * 3, side=48).open(clip('bars'))
    assert len(cached.frames) == 4
    assert cached.facts.broken == 'cut after 4 frames, half of the cache budget'


def test_a_video_broken_midway_serves_up_to_there(tmp_path):
    path = tmp_path / 'torn.mp4'
    rng = np.random.default_rng(0)
    with write_video(path, 10) as append:
        for _ in range(30):
            append(rng.integers(0, 256, (48, 64, 3), np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    cached = FrameCache(tmp_path / 'cache', MB, side=48).open(Clip('torn', str(path)))
    assert 5 < len(cached.frames) < 25
    assert cached.facts.broken


def test_what_is_no_clip_is_reported_and_remembered(tmp_path, opened):
    path = tmp_path / 'text.mp4'
    path.write_text('no video')
    text = Clip('text', str(path))
    cache = FrameCache(tmp_path / 'cache', MB, side=48)
    (facts,) = cache.survey([text])
    assert 'cannot be opened as a video' in facts.unusable
    with pytest.raises(SourceError, match='cannot be opened as a video'):
        cache.open(text)
    assert len(opened) == 1


def test_timelapses_are_left_out(tmp_path, clip):
    (tmp_path / 'info.json').write_text('{"timelapse": true}')
    bars = clip('bars')
    marked = Clip('bars', bars.path, tmp_path / 'info.json')
    (facts,) = FrameCache(tmp_path / 'cache', MB, side=48).survey([marked])
    assert facts.unusable == 'time-lapse'


def test_old_drafts_of_killed_processes_are_deleted(tmp_path):
    old, new, other = (tmp_path / name for name in ('.a.raw.x1', '.b.json.x2', '.other'))
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (1, 1))
    FrameCache(tmp_path, MB, side=48)
    assert (old.exists(), new.exists(), other.exists()) == (False, True, True)


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path, clip):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match=r'^cache .*file/cache cannot be used: Not a directory$'):
        FrameCache(tmp_path / 'file' / 'cache', MB, side=48)
