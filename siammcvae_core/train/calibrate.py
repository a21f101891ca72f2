# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Calibrates the expected errors of drive weights: `python -m siammcvae_core.train.calibrate`.

With the error E of a pixel and its expected absolute error e, the scale of a Laplace distribution,
the factor c on expected errors solves

    P(|E| <= -c e log(1 - LEVEL)) = LEVEL

by bisection of log c, where P is the share of lost pixels of the clips; log c is added to the bias
of the predicted log scale.
"""

import argparse
from collections.abc import Sequence
from functools import lru_cache
import math
from pathlib import Path
import sys
from typing import NamedTuple
import zlib

import numpy as np
import torch

from siammcvae_core.commands.jobs import add_job_options, run_usable, WorkerError
from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.data.layouts import Clip, find_clips
from siammcvae_core.data.pairs import Gap
from siammcvae_core.data.sources import open_source
from siammcvae_core.engines import Engine
from siammcvae_core.engines.factory import load_torch_engine
from siammcvae_core.errors import InputError
from siammcvae_core.evaluate.samples import choose_frames, DamagedCase, draw_cases
from siammcvae_core.metrics import Calibration
from siammcvae_core.model.checkpoint import load_model, save_checkpoint
from siammcvae_core.model.drive import DriveMCVAE
from siammcvae_core.model.profiles import DriveProfile

DESCRIPTION = """\
Scale the expected errors of drive weights so that the intervals that claim 80 % of the true errors
hold 80 % of them, on clips of your choice (those it was trained on, or others, but none it will be
judged by), and write the weights in half precision.
"""
LEVEL = 0.8
MASKS = ('random:0.75', 'band:0.25', 'block:0.2', 'full')
GAPS = (Gap(1), Gap(4))
SIZE = (368, 640)
PIXELS = 4000  # drawn from each restored frame
FACTORS = (0.1, 10.0)  # range of c
STEPS = 12  # of the bisection


class Pixels(NamedTuple):
    """Lost pixels: expected errors (n, 1), restored and true values (n, 1, 3)."""

    expected: np.ndarray
    restored: np.ndarray
    truth: np.ndarray

    def coverage(self, factor: float) -> float:
        """Share of errors within the LEVEL interval, with expected errors times a factor."""
        calibration = Calibration()
        calibration.add(self.expected * np.float32(factor), self.restored, self.truth)
        return calibration.coverage(LEVEL)


class PixelSample(NamedTuple):
    """What to restore: `samples` frames of a clip at `size` (height, width), by which weights."""

    clip: Clip
    weights: Path
    samples: int
    size: tuple[int, int]


def restored_pixels(
    weights: Path, clips: Sequence[Clip], samples: int, jobs: int = 1, cluster: str = ''
) -> Pixels:
    """Restore damaged frames of clips, and return some of the lost pixels of each.

    Clips that cannot be read are left out; raises InputError if that leaves none.
    """
    tasks = [PixelSample(clip, weights, samples, SIZE) for clip in clips]
    names = [clip.name for clip in clips]
    parts = run_usable(pixels_of_clip, tasks, names, jobs, cluster, 'calibrating')
    return _joined(parts)


def pixels_of_clip(task: PixelSample) -> Pixels:
    """Restore damaged frames of one clip; raises SourceError if it cannot be read."""
    clip = task.clip
    engine = _engine(task.weights)
    # A generator of its own, so that the pixels of a clip do not depend on the clips before it.
    rng = np.random.default_rng([0, zlib.crc32(clip.name.encode())])
    source = open_source(clip.path)
    chosen = choose_frames(source, clip.name, GAPS, 0, task.samples)
    cases = draw_cases(source, clip.name, chosen, MASKS, GAPS, task.size, 0)
    return _joined([_pixels_of_case(engine, case, rng) for case in cases])


def _pixels_of_case(engine: Engine, case: DamagedCase, rng: np.random.Generator) -> Pixels:
    restoration = engine.restore(case.references(), case.frame, case.mask, case.stamp)
    if restoration.expected_error is None:
        raise InputError('the model predicts no expected error')
    lost = np.flatnonzero(case.mask)
    sample = rng.choice(lost, min(PIXELS, lost.size), replace=False)
    rows, columns = np.unravel_index(sample, case.mask.shape)
    restored, truth = (
        (frame if frame.ndim == 3 else frame[..., None].repeat(3, -1))[rows, columns][:, None]
        for frame in (restoration.frame, case.truth)
    )
    return Pixels(restoration.expected_error()[rows, columns][:, None], restored, truth)


@lru_cache(1)
def _engine(weights: Path) -> Engine:
    torch.set_num_threads(1)  # processes share the cores, and results must not depend on how many
    return load_torch_engine(weights, 'cpu', torch.float32)


def _joined(parts: Sequence[Pixels]) -> Pixels:
    return Pixels(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def find_factor(pixels: Pixels) -> float:
    """Find the factor c on expected errors, see the module."""
    low, high = FACTORS
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if pixels.coverage(middle) > LEVEL else (middle, high)
    return math.sqrt(low * high)


def scale_expected_errors(model: DriveMCVAE, factor: float) -> DriveMCVAE:
    """Multiply the expected errors of a model by a factor, in place."""
    with torch.no_grad():
        bias = model.answer.bias
        if bias is None:
            raise InputError('the model has no bias to scale its expected errors by')
        bias[-1] += math.log(factor)
    return model


def parser() -> CommandParser:
    """Describe the command line."""
    options = CommandParser('siammcvae_core.train.calibrate', DESCRIPTION)
    options.add_argument('weights', type=Path, help='weights file of a drive model')
    options.add_argument('out', type=Path, help='where the calibrated one goes')
    options.add_argument('--data', required=True, nargs='+', metavar='DIR', help='clips')
    options.add_argument('--samples', type=int, default=2, help='frames per clip (default: 2)')
    add_job_options(options)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Calibrate; 0 when done, 1 if a process dies, 2 for input that cannot be used."""
    return parser().run(calibrate, arguments, failures=(WorkerError,))


def calibrate(options: argparse.Namespace) -> None:
    """Write calibrated weights, and print by how much they changed; raises InputError."""
    weights, clips = options.weights, find_clips(options.data, 'train')
    model = load_model(weights, DriveMCVAE, DriveProfile)
    pixels = restored_pixels(weights, clips, options.samples, options.jobs, options.cluster)
    factor = find_factor(pixels)
    coverage, count = pixels.coverage(1), len(pixels.expected)
    print(f'{LEVEL:.0%} intervals held {coverage:.1%} of the errors of {count} pixels')
    save_checkpoint(options.out, scale_expected_errors(model, factor), half=True)
    print(f'expected errors scaled by {factor:.3f}; written to {options.out}')


if __name__ == '__main__':
    sys.exit(main())
