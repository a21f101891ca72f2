# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The three tasks of imputation on clips, every method from the same frames.

A window is five known frames, h missing ones and five known ones. *Extrapolation* asks for the last
missing frame from the known ones before it, *interpolation* for the middle one from both sides, and
*imputation* for the last missing one, of which half the patches are seen, from the frames before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from siammcvae_core.baselines.classical import BASELINES
from siammcvae_core.baselines.ode2_facvae import Ode2FacVAE
from siammcvae_core.errors import InputError
from siammcvae_core.evaluate.methods import LoadedMethod
from siammcvae_core.frames import Frame
from siammcvae_core.metrics import psnr
from siammcvae_core.model.pixels import denormalise, normalise
from siammcvae_core.motion.references import ReferenceFrame, REFERENCES, References
from siammcvae_core.restore.interpolation import IntactPair

KNOWN = 5  # frames on either side
SCALE = 6  # of whole frames to those of the model
TASKS = ('extrapolation', 'interpolation', 'imputation')
OURS, CEILING = 'ode2_facvae', 'ceiling'
NANO = 10**9


@dataclass(frozen=True, eq=False)
class Window:
    """Frames before, missing and after, uint8 (H, W, 3) BGR, and the stamps of all in seconds."""

    frames: Sequence[np.ndarray]
    stamps: Sequence[float]

    @property
    def missing(self) -> int:
        """How many frames are missing."""
        return len(self.frames) - 2 * KNOWN

    def references(self, before: bool) -> References:
        """Return the known frames of a side, newest first; time runs backwards for those after."""
        if before:
            numbers = range(KNOWN - 1, KNOWN - 1 - REFERENCES, -1)
            return References(
                tuple(ReferenceFrame(self.frames[n], self.stamps[n]) for n in numbers)
            )
        first = KNOWN + self.missing
        numbers = range(first, first + REFERENCES)
        return References(tuple(ReferenceFrame(self.frames[n], -self.stamps[n]) for n in numbers))


def windows(frames: Sequence[Frame], missing: int, count: int) -> Iterator[Window]:
    """Take `count` windows from the frames of a clip, evenly; fewer where it is short."""
    length = 2 * KNOWN + missing
    last = len(frames) - length
    for start in np.unique(np.linspace(0, last, count).astype(int)) if last >= 0 else ():
        part = frames[start : start + length]
        yield Window([f.image for f in part], [f.stamp / NANO for f in part])


def predict(
    task: str, window: Window, network: Ode2FacVAE, drive: LoadedMethod | None, lost: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Predict the frame a task asks for by every method that can: frames, truth and lost pixels.

    `lost` bool (rows, columns) are the patches that imputation has to fill. Frames of the model
    itself have the model's size, all others that of the window.
    """
    if task not in TASKS:
        raise InputError(f'no task {task!r}; there are {", ".join(TASKS)}')
    number = KNOWN + (window.missing - 1 if task != 'interpolation' else window.missing // 2)
    truth, stamp = window.frames[number], window.stamps[number]
    mask = np.ones(truth.shape[:2], bool)
    if task == 'imputation':
        cells = truth.shape[0] // lost.shape[0], truth.shape[1] // lost.shape[1]
        mask = np.kron(lost, np.ones(cells, bool)).astype(bool)
    damaged = cv2.copyTo(truth, (~mask).view(np.uint8))
    before = window.references(before=True)
    known = list(range(KNOWN))
    found: dict[str, np.ndarray] = {}
    if task == 'interpolation':
        known += range(len(window.frames) - KNOWN, len(window.frames))
        found |= _between(window, before, damaged, mask, stamp)
    else:
        names = ['copy', 'const_velocity', 'mean_velocity']
        names += ['visible_flow', 'telea'] if task == 'imputation' else []
        found |= {name: BASELINES[name](before, damaged, mask, stamp) for name in names}
        if drive is not None:
            found['drive'] = drive.restore(drive.observe(before), damaged, mask, stamp).frame
    return found | _ours(window, network, known, number, lost, task), truth, mask


def _between(
    window: Window, before: References, damaged: np.ndarray, lost: np.ndarray, stamp: float
) -> dict[str, np.ndarray]:
    first, last = window.frames[KNOWN - 1], window.frames[KNOWN + window.missing]
    start, end = window.stamps[KNOWN - 1], window.stamps[KNOWN + window.missing]
    share = (stamp - start) / (end - start)
    pair = IntactPair.of(before, window.references(before=False))
    return {
        'nearest': first if share < 0.5 else last,
        'linear_blend': cv2.addWeighted(first, 1 - share, last, share, 0),
        'flow_both_ways': pair.interpolate(damaged, lost, stamp).frame,
    }


@torch.inference_mode()
def _ours(
    window: Window,
    network: Ode2FacVAE,
    known: Sequence[int],
    number: int,
    lost: np.ndarray,
    task: str,
) -> dict[str, np.ndarray]:
    """Predict by the model, by blending or continuing its codes, and encode the true frame."""
    chosen = [*known, number] if task == 'imputation' else list(known)
    pixels = _thumbnails([window.frames[n] for n in chosen], network.profile.size)
    times = torch.tensor([[window.stamps[n] for n in chosen]], dtype=torch.float64)
    query = torch.tensor([[window.stamps[number]]], dtype=torch.float64)
    patches = lost.size
    seen = torch.ones(1, len(chosen), patches, dtype=torch.bool)
    if task == 'imputation':
        seen[0, -1] = ~torch.from_numpy(lost).reshape(-1)
    imputed = network.impute(times, pixels[None], seen, query, samples=0)
    truth = _thumbnails([window.frames[number]], network.profile.size)
    found = {OURS: _bgr(imputed.frames[0, 0]), CEILING: _bgr(network.autoencode(truth)[0])}
    if task != 'imputation':
        one, other = (KNOWN - 1, KNOWN) if task == 'interpolation' else (KNOWN - 2, KNOWN - 1)
        ends = pixels[[one, other]]
        codes = network.encoder(ends, torch.ones_like(ends[:, :1]))[0]
        share = (query[0, 0] - times[0, one]) / (times[0, other] - times[0, one])
        line = codes[0] + share.float() * (codes[1] - codes[0])
        found['latent_linear'] = _bgr(network.decoder(line[None])[0])
    return found


def _thumbnails(frames: Sequence[np.ndarray], size: tuple[int, int]) -> torch.Tensor:
    small = np.stack([thumbnail(frame, size) for frame in frames])[..., ::-1].copy()
    return normalise(torch.from_numpy(small).permute(0, 3, 1, 2))


def thumbnail(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Reduce a frame to (height, width), averaging its pixels."""
    return cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)


def _bgr(frame: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(denormalise(frame).permute(1, 2, 0).flip(-1).numpy())


def scores(
    found: Mapping[str, np.ndarray], truth: np.ndarray, mask: np.ndarray, size: tuple[int, int]
) -> dict[str, tuple[float, float]]:
    """Score methods by the PSNR of lost pixels in dB: at whole size, and at that of the model.

    The first enlarges what the model makes, the second reduces what the others make.
    """
    small_truth = thumbnail(truth, size)
    small_mask = cv2.resize(mask.view(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0
    result = {}
    for name, frame in found.items():
        whole = frame
        if frame.shape != truth.shape:
            whole = cv2.resize(frame, truth.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        small = frame if frame.shape[:2] == size else thumbnail(frame, size)
        result[name] = psnr(whole, truth, mask), psnr(small, small_truth, small_mask)
    return result


def patches_lost(size: tuple[int, int], patch: int, seed: int) -> np.ndarray:
    """Draw which half of the patches is lost, bool (rows, columns)."""
    rows, columns = (side // patch for side in size)
    order = np.random.default_rng(seed).permutation(rows * columns)
    return (order < rows * columns // 2).reshape(rows, columns)
