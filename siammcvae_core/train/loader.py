# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a folder of clips to batches on the device, for one process of possibly many."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
import os
import sys

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from siammcvae_core.data.cache import ClipFacts, FrameCache
from siammcvae_core.data.layouts import Clip, find_clips, hold_out
from siammcvae_core.data.pairs import Gap
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.train.clip_order import clip_factor, ClipOrder
from siammcvae_core.train.config import TrainConfig
from siammcvae_core.train.drawing import has_pair, SampleFormat
from siammcvae_core.train.samples import (
    Sample,
    TrainingSamples,
    ValidationSamples,
)
from siammcvae_core.train.system import Batch

Stack = tuple[Tensor, Tensor, Tensor, Tensor]
"""The fields of several `Sample`s, each stacked to one tensor."""

GB = 1e9
AHEAD = 4  # batches each worker makes ahead
NAMED = 5
"""Skipped clips that are named one by one."""


def open_data(
    config: TrainConfig, sample_format: SampleFormat, verbose: bool
) -> tuple[TrainingSamples, ValidationSamples]:
    """Find, survey and decode the clips of a run.

    Decodes as many training clips as the budget holds, and those for validation; `verbose` prints
    progress, and which clips are skipped or cut short and why. Raises InputError where nothing is
    left.
    """
    data = config.data
    found = find_clips(data.train, 'train')
    train = [clip for clip in found if clip_factor(clip.name, data.clip_weights) > 0]
    if not train:
        raise InputError(
            f'data.clip_weights: {data.clip_weights} leaves out all clips, {len(found)}'
        )
    if data.val:
        val = find_clips(data.val, 'val')
    else:
        train, val = hold_out(train)
    val = val[:: -(-len(val) // config.val_samples)]  # no more than can be drawn from
    cache = FrameCache(data.cache_folder, int(data.cache_gb * GB), data.side, data.topic)

    def decode(clips: list[Clip]) -> list[Clip]:
        return _decode(cache, clips, data.gaps[0], sample_format.frames, verbose)

    val = decode(_usable(val, cache.survey(val), verbose))
    train = _usable(train, cache.survey(train), verbose)
    room = cache.budget - sum(facts.room for facts in cache.survey(val))
    order = ClipOrder(cache.survey(train), data, room, config.seed)
    if not order.moves:
        train = decode(train)
        order = ClipOrder(cache.survey(train), data, room, config.seed)
    elif verbose:
        fit = f'{order.window} of {len(train)} clips fit the cache at a time (data.cache_gb)'
        print(fit, flush=True)
    return (
        TrainingSamples(train, cache, order, sample_format, data, config.seed),
        ValidationSamples(val, cache, sample_format, data, config.val_samples, config.seed),
    )


class MicroBatchSampler:
    """Numbers of the samples in each micro-batch of one process, from `first_step` on.

    A step holds the same samples however many processes and micro-batches share it.
    """

    def __init__(self, config: TrainConfig, first_step: int, rank: int, processes: int) -> None:
        self._size = config.micro_batch(processes)
        self._micro_batches = range(
            first_step * config.accumulate, config.steps * config.accumulate
        )
        self._rank = rank
        self._processes = processes

    def __len__(self) -> int:
        return len(self._micro_batches)

    def __iter__(self) -> Iterator[list[int]]:
        for micro in self._micro_batches:
            start = (micro * self._processes + self._rank) * self._size
            yield list(range(start, start + self._size))


def training_batches(
    samples: TrainingSamples, sampler: MicroBatchSampler, workers: int, device: torch.device
) -> Iterator[tuple[int, Batch]]:
    """Yield the number of the first sample of each micro-batch, and the batch.

    Raises InputError, one line, for what stops a worker.
    """
    batches = one_line_errors(_loader(samples, sampler, workers, device))
    for numbers, batch in zip(sampler, batches, strict=True):
        yield numbers[0], to_device(batch, device)


def validation_batches(
    samples: ValidationSamples, size: int, rank: int, processes: int, device: torch.device
) -> Iterator[Batch]:
    """Yield this process's share of the validation samples, `size` at a time."""
    numbers = range(rank, len(samples), processes)
    batches = [list(numbers[i : i + size]) for i in range(0, len(numbers), size)]
    for batch in _loader(samples, batches, 0, device):
        yield to_device(batch, device)


def one_line_errors(batches: Iterable[Stack]) -> Iterator[Stack]:
    """Iterate over a loader; errors of its workers become an InputError of one line."""
    try:
        yield from batches
    except InputError as error:  # of a worker: with the worker's traceback in front
        line = str(error.args[0]).strip().splitlines()[-1]
        raise InputError(line.partition('Error: ')[2] or line) from error
    except RuntimeError as error:
        if 'DataLoader worker' not in str(error):
            raise
        raise InputError(
            f'a loader worker was lost ({str(error).splitlines()[0]}); if memory is short, set '
            'fewer workers'
        ) from error


def to_device(samples: Stack, device: torch.device) -> Batch:
    """Bring a stack of samples to the device; frames become channels first."""
    frames, lost, seconds, damaged = (t.to(device, non_blocking=True) for t in samples)
    frames = frames.permute(0, 1, 4, 2, 3)  # (B, R + 1, 3, H, W)
    return Batch(frames[:, :-1], frames[:, -1], lost, seconds, damaged)


def _loader(
    samples: Dataset[Sample],
    batches: Iterable[list[int]],
    workers: int,
    device: torch.device,
) -> Iterable[Stack]:
    return DataLoader(
        samples,
        batch_sampler=batches,
        num_workers=workers,
        pin_memory=device.type == 'cuda',
        worker_init_fn=_one_thread,
        prefetch_factor=AHEAD if workers else None,
    )


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)


def _decode(
    cache: FrameCache, clips: list[Clip], gap: Gap, references: int, verbose: bool
) -> list[Clip]:
    """Decode clips before training, side by side; returns those that are longer than the gap."""

    def open_one(clip: Clip) -> ClipFacts:
        try:
            cached = cache.open(clip)
        except SourceError as error:
            return ClipFacts(clip.name, 0, (0, 0), unusable=str(error))
        long_enough = has_pair(cached, references, gap)
        return replace(cached.facts, unusable='' if long_enough else 'shorter than the gap')

    hidden = None if verbose else True  # None: shown on a terminal
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        opened = pool.map(open_one, clips)
        facts = list(tqdm(opened, 'decoding', len(clips), unit='clip', disable=hidden))
    _report('cut short', [(f.name, f.broken) for f in facts if f.broken], verbose)
    return _usable(clips, facts, verbose)


def _usable(clips: list[Clip], facts: list[ClipFacts], verbose: bool) -> list[Clip]:
    """Leave out unusable clips and print which; raises InputError where none is left."""
    _report('skipped', [(f.name, f.unusable) for f in facts if f.unusable], verbose)
    usable = [clip for clip, f in zip(clips, facts, strict=True) if not f.unusable]
    if not usable:
        first = f'{facts[0].name}: {facts[0].unusable}'
        raise InputError(f'none of {len(clips)} clips can be used; {first}')
    return usable


def _report(what: str, clips: list[tuple[str, str]], verbose: bool) -> None:
    """Print how many clips are concerned, and the first of them with the reasons."""
    if not clips or not verbose:
        return
    named = '; '.join(f'{name}: {why}' for name, why in clips[:NAMED])
    more = f'; and {len(clips) - NAMED} more' if len(clips) > NAMED else ''
    print(f'{len(clips)} clips {what}: {named}{more}', file=sys.stderr)
