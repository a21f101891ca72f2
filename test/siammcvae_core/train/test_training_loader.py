# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How samples are shared among processes, and what happens to clips and workers that fail."""

from dataclasses import replace
import multiprocessing
import shutil

import numpy as np
import pytest

pytest.importorskip('accelerate', reason='accelerate is not installed')

import torch

from siammcvae_core.data.clips import write_video
from siammcvae_core.data.layouts import find_clips
from siammcvae_core.errors import InputError
from siammcvae_core.train.drawing import SampleFormat
from siammcvae_core.train.loader import (
    MicroBatchSampler,
    open_data,
    training_batches,
    validation_batches,
)
from siammcvae_core.train.samples import Sample

FORMAT = SampleFormat((32, 48), 8, 1)
CPU = torch.device('cpu')


def test_a_step_holds_the_same_samples_however_it_is_shared(config):
    def steps(processes: int, accumulate: int) -> list[list[int]]:
        run = config(batch=8, accumulate=accumulate, steps=3)
        samplers = [list(MicroBatchSampler(run, 1, rank, processes)) for rank in range(processes)]
        assert all(
            len(sampler) == len(MicroBatchSampler(run, 1, 0, processes)) for sampler in samplers
        )
        micro = list(zip(*samplers, strict=True))  # of all processes
        return [
            [number for part in micro[i : i + accumulate] for numbers in part for number in numbers]
            for i in range(0, len(micro), accumulate)
        ]

    assert steps(1, 1) == steps(2, 1) == steps(1, 4) == steps(2, 2)
    assert steps(1, 1) == [list(range(8, 16)), list(range(16, 24))]


def test_a_batch_that_cannot_be_shared_is_refused(config):
    with pytest.raises(InputError, match=r'batch: 8 samples cannot be shared by 3 processes'):
        MicroBatchSampler(config(batch=8), 0, 0, 3)


def test_workers_give_the_batches_of_the_process_itself(config):
    train, _ = open_data(config(), FORMAT, verbose=False)
    sampler = MicroBatchSampler(config(steps=3), 0, 0, 1)
    alone = list(training_batches(train, sampler, 0, CPU))
    helped = list(training_batches(train, sampler, 2, CPU))
    assert [number for number, _ in helped] == [0, 4, 8]
    for (_, a), (_, b) in zip(alone, helped, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    batch = alone[0][1]
    assert [tuple(t.shape) for t in batch] == [
        (4, 1, 3, 32, 48), (4, 3, 32, 48), (4, 24), (4, 1), (4, 1, 24),
    ]  # fmt: skip


def test_processes_share_the_validation_samples(config):
    _, val = open_data(config(), FORMAT, verbose=False)
    whole = [t for b in validation_batches(val, 4, 0, 1, CPU) for t in b.target]
    even, odd = (
        [t for b in validation_batches(val, 4, rank, 2, CPU) for t in b.target] for rank in (0, 1)
    )
    assert len(whole) == 6
    assert all(torch.equal(t, part) for t, part in zip(whole[::2], even, strict=True))
    assert all(torch.equal(t, part) for t, part in zip(whole[1::2], odd, strict=True))


def test_a_lost_worker_is_one_line(config):
    train, _ = open_data(config(), FORMAT, verbose=False)
    batches = training_batches(train, MicroBatchSampler(config(steps=500), 0, 0, 1), 1, CPU)
    next(batches)
    before = multiprocessing.active_children()
    for worker in before:
        worker.kill()
        worker.join()
    with pytest.raises(InputError, match=r'^a loader worker was lost \(DataLoader worker .*$'):
        list(batches)


def test_an_error_in_a_worker_is_one_line(config, tmp_path):
    train, _ = open_data(config(data={'cache': str(tmp_path / 'cache')}), FORMAT, verbose=False)
    train._cache._maps.clear()
    shutil.rmtree(tmp_path / 'cache')  # a disk that has gone
    for workers in (0, 1):
        batches = training_batches(train, MicroBatchSampler(config(), 0, 0, 1), workers, CPU)
        with pytest.raises(InputError, match=r'^cache .* cannot be used: No such file or direct'):
            list(batches)


@pytest.fixture
def mixed(drives, tmp_path):
    """Make a folder of the drives, a text file, a video torn in two and one that stands still."""
    folder = tmp_path / 'mixed'
    shutil.copytree(drives, folder)
    (folder / 'text.mp4').write_text('no video')
    torn = folder / 'torn.mp4'
    noise = np.random.default_rng(0).integers(0, 256, (20, 32, 48, 3), np.uint8)
    for path, frames in ((torn, noise), (folder / 'still.mp4', noise[:1].repeat(5, 0))):
        with write_video(path, 10) as append:
            for frame in frames:
                append(frame)
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    return folder


def test_unusable_clips_are_skipped_and_counted(config, mixed, capsys):
    train, _ = open_data(config(data={'train': str(mixed)}), FORMAT, verbose=True)
    errors = capsys.readouterr().err
    assert '1 clips skipped: text.mp4: ' in errors
    assert '1 clips skipped: still.mp4: shorter than the gap' in errors
    assert '1 clips cut short: torn.mp4: ' in errors
    assert [clip.name for clip in train._clips][-1] == 'torn.mp4'
    assert len(train._clips) == 4


def test_clips_that_all_fail_are_an_error(config, tmp_path):
    (tmp_path / 'a.mp4').write_text('no video')
    with pytest.raises(InputError, match=r'^none of 1 clips can be used; a\.mp4: .*video'):
        open_data(config(data={'val': str(tmp_path)}), FORMAT, verbose=False)
    with pytest.raises(InputError, match=r'^none of 3 clips .*: shorter than the gap$'):
        open_data(config(data={'gap': (100, 200)}), FORMAT, verbose=False)


def test_clips_beyond_the_budget_are_decoded_when_drawn(config, drives, capsys):
    """Decoding ahead stops at the budget; the rest is decoded when it is drawn."""
    one = 24 * 64 * 96 * 3 / 1e9
    small = config(data={'cache_gb': 2.5 * one, 'cache': str(drives.parent / 'small')})
    train, _ = open_data(replace(small, val_samples=1), FORMAT, verbose=True)
    assert '1 of 3 clips fit the cache at a time' in capsys.readouterr().out
    seen = [train[i] for i in range(30)]
    assert all(sample.frames.shape == (2, 32, 48, 3) for sample in seen)
    held = sum(path.stat().st_size for path in (drives.parent / 'small').glob('*.raw'))
    assert held <= small.data.cache_gb * 1e9


@pytest.mark.parametrize('cache_gb', [1.0, 0.0014], ids=['all fit', 'few fit'])
def test_samples_do_not_depend_on_what_is_decoded(config, mixed, tmp_path, cache_gb):
    """A resumed run finds clips decoded, and known to be broken, that the first run did not."""
    data = {'train': str(mixed), 'cache_gb': cache_gb, 'cache': str(tmp_path / 'cache')}
    run = config(data=data, val_samples=1)

    def first_samples() -> list[Sample]:
        train, _ = open_data(run, FORMAT, verbose=False)
        assert train._order.moves == (cache_gb < 1)
        return [train[i] for i in range(60)]

    for a, b in zip(first_samples(), first_samples(), strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_validation_clips_may_be_held_out(config):
    train, val = open_data(config(data={'val': ''}), FORMAT, verbose=False)
    names = [[clip.name for clip in part._clips] for part in (train, val)]
    assert names == [['speed1.mp4', 'speed2.mp4'], ['speed3.mp4']]


def test_clips_of_factor_0_are_left_out_before_some_are_held_out(config, drives):
    names = sorted(clip.name for clip in find_clips(str(drives)))
    *_, last = names
    run = config(data={'clip_weights': {last: 0.0}, 'val': ''})
    training, validation = open_data(run, FORMAT, verbose=False)
    used = [clip.name for samples in (training, validation) for clip in samples._clips]
    assert sorted(used) == names[:-1]
    with pytest.raises(InputError, match=f'leaves out all clips, {len(names)}'):
        open_data(config(data={'clip_weights': {'*': 0.0}}), FORMAT, verbose=False)
