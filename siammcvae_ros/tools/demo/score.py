# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Judges each frame the node let out against the truth, and its rivals on the same frames."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from siammcvae_core.faults.camera import Damaged, FaultInjector
from siammcvae_core.frames import Frame, Source
from siammcvae_core.metrics import psnr
from siammcvae_core.motion.references import KeptFrame, References
from siammcvae_core.restore.fallbacks import const_velocity, copy
from siammcvae_ros.frame_path.encodings import to_frame

RESTORED, PASSED, DROPPED = 'restored', 'passed', 'dropped'
METHODS = ('restored', 'copy', 'classical')


@dataclass(frozen=True, eq=False)
class Sent:
    """A frame as it was sent: the truth, uint8 (H, W, 3) BGR or (H, W), and what became of it."""

    index: int
    stamp: int
    truth: np.ndarray
    damaged: Damaged


@dataclass(frozen=True)
class Verdict:
    """What one frame is worth.

    `kept_exact`: no pixel outside the damage differs from the truth. `marked_exact`: the node says
    of exactly the pixels it replaced that it did, all damaged ones or none. Both are None for a
    dropped frame. `method` of the ladder made a restored one. `psnr` is over the lost pixels, in dB
    by method; empty if `unscored` says why.
    """

    index: int
    fault: str | None
    lost_share: float
    outcome: str
    method: str
    kept_exact: bool | None
    marked_exact: bool | None
    unscored: str = ''
    psnr: dict[str, float] = field(default_factory=dict)


def drive(source: Source, faults: FaultInjector, frames: int, origin: int) -> Iterator[Sent]:
    """Read the source again as the replay did: `frames` of them (0 = all), damaged alike.

    `origin` is the stamp of the first frame in nanoseconds where the source has no stamps.
    """
    offset = 0 if source.stamped else origin
    for frame in islice(source, frames or None):
        truth = to_frame(frame.image, frame.encoding)
        yield Sent(frame.index, offset + frame.stamp, truth, faults.inject(frame.index, truth))


class InStep:
    """Reads a recording in step with the frames sent, of which it is a part in the same order."""

    def __init__(self, recording: Iterable[Frame]) -> None:
        self._frames = iter(recording)
        self._next = next(self._frames, None)

    def at(self, stamp: int) -> np.ndarray | None:
        """Give the recorded image of this stamp in core layout; None if it was not recorded."""
        frame = self._next
        if frame is None or frame.stamp != stamp:
            return None
        self._next = next(self._frames, None)
        return to_frame(frame.image, frame.encoding)

    @property
    def exhausted(self) -> bool:
        """Whether every recorded image has been asked for."""
        return self._next is None


class Judge:
    """Judges the frames of one drive in order, keeping the intact ones as the rivals' references.

    `methods` names what served each restored frame, in order.
    """

    def __init__(self, methods: Iterable[str]) -> None:
        self._references = References()
        self._rungs = iter(methods)

    def judge(self, sent: Sent, output: np.ndarray | None, made_up: np.ndarray | None) -> Verdict:
        """Compare an output frame with the truth; None stands for a frame that did not come.

        `made_up` is the node's mask, uint8 (H, W), anything but 0 = replaced; None if missing.
        """
        lost = sent.damaged.mask
        damaged = sent.damaged.fault is not None
        outcome = _outcome(output, made_up)
        method = next(self._rungs, 'unknown') if outcome == RESTORED else ''
        kept_exact = marked_exact = None
        if output is not None:
            same = output.shape == sent.truth.shape
            kept_exact = same and np.array_equal(output[~lost], sent.truth[~lost])
            expected = lost if outcome == RESTORED else np.zeros_like(lost)
            marked_exact = made_up is not None and np.array_equal(made_up != 0, expected)
        references = self._references_at(sent)
        unscored, scores = '', {}
        if not damaged:
            unscored = 'intact'
            self._keep(sent, references)
        elif not references.frames:
            unscored = 'no_reference'
        elif output is None or output.shape != sent.truth.shape:
            unscored = 'no_output'
        else:
            scores = self._score(sent, output, references)
        return Verdict(
            sent.index, sent.damaged.fault, float(lost.mean()), outcome, method, kept_exact,
            marked_exact, unscored, scores,
        )  # fmt: skip

    def _references_at(self, sent: Sent) -> References:
        """Give the kept frames, none if time went back or the size changed, as the node does."""
        frames = self._references.frames
        if frames and (
            frames[0].frame.shape != sent.truth.shape or sent.stamp * 1e-9 < frames[0].stamp
        ):
            self._references = References()
        return self._references

    def _keep(self, sent: Sent, references: References) -> None:
        kept = KeptFrame(sent.truth, sent.stamp * 1e-9)
        self._references = References((kept, *references.frames[:1]))

    @staticmethod
    def _score(sent: Sent, output: np.ndarray, references: References) -> dict[str, float]:
        lost = sent.damaged.mask
        arguments = (references, sent.damaged.frame, lost, sent.stamp * 1e-9)
        copied = copy(*arguments)
        moved = copied if references.motion is None else const_velocity(*arguments)
        outputs = dict(zip(METHODS, (output, copied, moved), strict=True))
        return {name: psnr(frame, sent.truth, lost) for name, frame in outputs.items()}


def _outcome(output: np.ndarray | None, made_up: np.ndarray | None) -> str:
    if output is None:
        return DROPPED
    return RESTORED if made_up is not None and made_up.any() else PASSED


def mean_psnr(verdicts: Iterable[Verdict]) -> dict[str, float]:
    """Average the scores by method, in dB, over the frames that have them; NaN without any."""
    scores = [verdict.psnr for verdict in verdicts if verdict.psnr]
    return {
        name: float(np.mean([score[name] for score in scores])) if scores else float('nan')
        for name in METHODS
    }


def by_fault(verdicts: Sequence[Verdict]) -> list[dict[str, float | int | str]]:
    """Give a row per fault: frames, how many are scored, lost share, mean PSNR, the worst frame."""
    rows = []
    for fault in sorted({v.fault for v in verdicts if v.fault is not None}):
        struck = [v for v in verdicts if v.fault == fault]
        scored = [v for v in struck if v.psnr]
        means = mean_psnr(struck)
        row: dict[str, float | int | str] = {
            'fault': fault,
            'frames': len(struck),
            'scored': len(scored),
            'lost_share': float(np.mean([v.lost_share for v in struck])),
            **{f'psnr_lost_{name}': value for name, value in means.items()},
            'gain_over_copy': means['restored'] - means['copy'],
            'worst_restored': min((v.psnr['restored'] for v in scored), default=float('nan')),
        }
        rows.append(row)
    return rows
