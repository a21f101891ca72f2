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
from collections.abc import Iterator, Sequence
from functools import partial
import math
from pathlib import Path
import sys
from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from siammcvae_core.data.layouts import Clip, find_clips
from siammcvae_core.data.pairs import Gap
from siammcvae_core.data.sources import open_source
from siammcvae_core.engines.factory import load_torch_engine
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.evaluate.samples import choose_frames, draw_cases
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
    """Lost pixels that were restored: (n, 1) expected errors, (n, 1, 3) restored and true ones."""

    expected: np.ndarray
    restored: np.ndarray
    truth: np.ndarray

    def coverage(self, factor: float) -> float:
        """Share of errors within the LEVEL interval, with expected errors times a factor."""
        calibration = Calibration()
        calibration.add(self.expected * np.float32(factor), self.restored, self.truth)
        return calibration.coverage(LEVEL)


def restored_pixels(weights: Path, clips: Sequence[Clip], samples: int) -> Pixels:
    """Restore damaged frames of clips, and draw some of the lost pixels of each."""
    engine = load_torch_engine(weights, 'cpu', torch.float32)
    rng = np.random.default_rng(0)
    parts: list[Pixels] = []
    for clip in tqdm(clips, 'calibrating', unit='clip', disable=None):
        try:
            chosen = choose_frames(open_source(clip.path), clip.name, GAPS, 0, samples)
        except SourceError as error:
            tqdm.write(f'left out: {error}', file=sys.stderr)
            continue
        draw = partial(draw_cases, open_source(clip.path), clip.name, chosen)
        for case in draw(MASKS, GAPS, SIZE, 0):
            restoration = engine.restore(case.references(), case.frame, case.mask, case.stamp)
            if restoration.expected_error is None:
                raise InputError(f'{weights}: its model predicts no expected error')
            lost = np.flatnonzero(case.mask)
            drawn = rng.choice(lost, min(PIXELS, lost.size), replace=False)
            rows, columns = np.unravel_index(drawn, case.mask.shape)
            frames = (
                frame if frame.ndim == 3 else frame[..., None].repeat(3, -1)
                for frame in (restoration.frame, case.truth)
            )
            shown = [frame[rows, columns][:, None] for frame in frames]
            parts.append(Pixels(restoration.expected_error()[rows, columns][:, None], *shown))
    if not parts:
        raise InputError(f'none of {len(clips)} clips can be used')
    return Pixels(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))


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


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog='python -m siammcvae_core.train.calibrate', description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument('weights', type=Path, help='weights file of a drive model')
    p.add_argument('out', type=Path, help='where the calibrated one goes')
    p.add_argument('--data', required=True, nargs='+', metavar='DIR', help='clips')
    p.add_argument('--samples', type=int, default=2, help='frames per clip (default: 2)')
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Calibrate; 0 when done, 2 for input that cannot be used."""
    options = parser().parse_args(arguments)
    try:
        for line in calibrate(options.weights, options.out, options.data, options.samples):
            print(line)
    except InputError as error:
        print(f'calibrate: {error}', file=sys.stderr)
        return 2
    return 0


def calibrate(weights: Path, out: Path, data: Sequence[str], samples: int) -> Iterator[str]:
    """Write calibrated weights; yields lines to print. Raises InputError."""
    model = load_model(weights, DriveMCVAE, DriveProfile)
    pixels = restored_pixels(weights, find_clips(data, 'train'), samples)
    factor = find_factor(pixels)
    held = pixels.coverage(1)
    yield f'{LEVEL:.0%} intervals held {held:.1%} of the errors of {len(pixels.expected)} pixels'
    save_checkpoint(out, scale_expected_errors(model, factor), half=True)
    yield f'expected errors scaled by {factor:.3f}; written to {out}'


if __name__ == '__main__':
    sys.exit(main())
