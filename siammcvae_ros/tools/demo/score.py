# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scores each frame that the node published against the truth, beside simpler methods."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from siammcvae_core.data.encodings import to_frame
from siammcvae_core.faults.camera import Damaged, FaultInjector
from siammcvae_core.frames import Frame, Source
from siammcvae_core.metrics import psnr
from siammcvae_core.motion.references import ReferenceFrame, References
from siammcvae_core.restore.fallbacks import copy, mean_velocity

RESTORED, PASSED, DROPPED = 'restored', 'passed', 'dropped'
METHODS = ('restored', 'copy', 'classical')


@dataclass(frozen=True, eq=False)
class SentFrame:
    """A frame before damage, `truth`, uint8 (H, W, 3) BGR or (H, W), and as it was sent."""

    index: int
    stamp: int
    truth: np.ndarray
    damaged: Damaged


@dataclass(frozen=True)
class FrameScore:
    """How one frame was served, and how close it came to the truth.

    `kept_exact`: every pixel outside the damage equals the truth. `marked_exact`: restored/mask
    marks exactly the damaged pixels of a restored frame, and none of another. Both are None for a
    dropped frame. `method` restored the frame. `psnr` is over the lost pixels, in dB by method;
    empty if not scored, for the reason `unscored`.
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


def sent_frames(
    source: Source, faults: FaultInjector, frames: int, origin: int
) -> Iterator[SentFrame]:
    """Repeat the frames that the replay node sent, `frames` of them (0 = all), equally damaged.

    `origin` is the stamp of the first frame in nanoseconds where the source has no stamps.
    """
    offset = 0 if source.stamped else origin
    for frame in islice(source, frames or None):
        truth = to_frame(frame.image, frame.encoding)
        yield SentFrame(frame.index, offset + frame.stamp, truth, faults.inject(frame.index, truth))


class RecordedFrames:
    """Finds recorded frames by stamp; they must be asked for in the order they were recorded."""

    def __init__(self, recording: Iterable[Frame]) -> None:
        self._frames = iter(recording)
        self._next = next(self._frames, None)

    def at(self, stamp: int) -> np.ndarray | None:
        """Return the image of this stamp, uint8 (H, W, 3) BGR or (H, W); None if not recorded."""
        frame = self._next
        if frame is None or frame.stamp != stamp:
            return None
        self._next = next(self._frames, None)
        return to_frame(frame.image, frame.encoding)

    @property
    def exhausted(self) -> bool:
        """Whether every recorded frame has been returned."""
        return self._next is None


class FrameScorer:
    """Scores the frames of one drive in order; intact ones become references for copy and motion.

    `methods` names the method that restored each restored frame, in order.
    """

    def __init__(self, methods: Iterable[str]) -> None:
        self._references = References()
        self._methods = iter(methods)

    def score(
        self, sent: SentFrame, output: np.ndarray | None, restored_mask: np.ndarray | None
    ) -> FrameScore:
        """Compare an output frame with the truth; None stands for a frame that was not published.

        `restored_mask` is that of the node, uint8 (H, W), 0 = unchanged; None if missing.
        """
        lost = sent.damaged.mask
        damaged = sent.damaged.fault is not None
        outcome = _outcome(output, restored_mask)
        method = next(self._methods, 'unknown') if outcome == RESTORED else ''
        kept_exact = marked_exact = None
        if output is not None:
            same = output.shape == sent.truth.shape
            kept_exact = same and np.array_equal(output[~lost], sent.truth[~lost])
            expected = lost if outcome == RESTORED else np.zeros_like(lost)
            marked_exact = restored_mask is not None and np.array_equal(
                restored_mask != 0, expected
            )
        references = self._references_at(sent)
        unscored, psnr_by_method = '', {}
        if not damaged:
            unscored = 'intact'
            self._add_reference(sent, references)
        elif not references.frames:
            unscored = 'no_reference'
        elif output is None or output.shape != sent.truth.shape:
            unscored = 'no_output'
        else:
            psnr_by_method = self._psnr(sent, output, references)
        return FrameScore(
            sent.index, sent.damaged.fault, float(lost.mean()), outcome, method, kept_exact,
            marked_exact, unscored, psnr_by_method,
        )  # fmt: skip

    def _references_at(self, sent: SentFrame) -> References:
        """Return the references, none if time went back or the size changed, as in the node."""
        frames = self._references.frames
        if frames and (
            frames[0].frame.shape != sent.truth.shape or sent.stamp * 1e-9 < frames[0].stamp
        ):
            self._references = References()
        return self._references

    def _add_reference(self, sent: SentFrame, references: References) -> None:
        kept = ReferenceFrame(sent.truth, sent.stamp * 1e-9)
        self._references = references.with_newest(kept)

    @staticmethod
    def _psnr(sent: SentFrame, output: np.ndarray, references: References) -> dict[str, float]:
        lost = sent.damaged.mask
        arguments = (references, sent.damaged.frame, lost, sent.stamp * 1e-9)
        copied = copy(*arguments)
        moved = copied if references.motion is None else mean_velocity(*arguments)
        outputs = dict(zip(METHODS, (output, copied, moved), strict=True))
        return {name: psnr(frame, sent.truth, lost) for name, frame in outputs.items()}


def _outcome(output: np.ndarray | None, restored_mask: np.ndarray | None) -> str:
    if output is None:
        return DROPPED
    return RESTORED if restored_mask is not None and restored_mask.any() else PASSED


def mean_psnr(scores: Iterable[FrameScore]) -> dict[str, float]:
    """Average PSNR by method, in dB, over the scored frames; NaN without any."""
    scored = [score.psnr for score in scores if score.psnr]
    return {
        name: float(np.mean([psnr[name] for psnr in scored])) if scored else float('nan')
        for name in METHODS
    }


def by_fault(scores: Sequence[FrameScore]) -> list[dict[str, float | int | str]]:
    """Return a row per fault: frames, frames scored, lost share, mean PSNR, PSNR of the worst."""
    rows = []
    for fault in sorted({score.fault for score in scores if score.fault is not None}):
        damaged = [score for score in scores if score.fault == fault]
        scored = [score for score in damaged if score.psnr]
        means = mean_psnr(damaged)
        row: dict[str, float | int | str] = {
            'fault': fault,
            'frames': len(damaged),
            'scored': len(scored),
            'lost_share': float(np.mean([score.lost_share for score in damaged])),
            **{f'psnr_lost_{name}': value for name, value in means.items()},
            'gain_over_copy': means['restored'] - means['copy'],
            'worst_restored': min(
                (score.psnr['restored'] for score in scored), default=float('nan')
            ),
        }
        rows.append(row)
    return rows
