# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs of a target frame and its references, a gap of frames or seconds apart.

Repeated frames (cameras that stutter, converted frame rates) are skipped: as a target or reference
of its equal such a frame would make copying look perfect.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import math

import cv2
import numpy as np

from siammcvae_core.data.encodings import ENCODINGS, to_frame
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.frames import format_size, Frame, Source

REPEAT = 0.2
"""Mean absolute difference in grey levels below which a frame only repeats the one before: video
coding makes repeats differ by up to 0.15, parked cars by at least as much."""
NANO = 10**9


@dataclass(frozen=True, eq=False)
class Pair:
    """A target frame and the reference frames before it, newest first, all uint8 of one shape.

    `index` is the target's number in its clip, `seconds` the time from each reference to it.
    """

    clip: str
    index: int
    references: tuple[np.ndarray, ...]
    target: np.ndarray
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Gap:
    """How far a reference lies before its target: whole `frames`, or `seconds` where those are 0.

    The text form is '4' or '0.5s'.
    """

    frames: int = 0
    seconds: float = 0.0

    @classmethod
    def parse(cls, text: str | int) -> 'Gap':
        """Read '4' or '0.5s'; raises InputError for anything else, zero and less included."""
        text = str(text).strip()
        try:
            gap = cls(seconds=float(text[:-1])) if text.endswith('s') else cls(frames=int(text))
        except ValueError:
            gap = cls()
        if not (gap.frames > 0 or 0 < gap.seconds < math.inf):
            raise InputError(f'gap {text!r}: expected frames such as 4, or seconds such as 0.5s')
        return gap

    @property
    def length(self) -> int:
        """How long it is in frames, or in nanoseconds."""
        return self.frames or round(self.seconds * NANO)

    def __str__(self) -> str:
        return str(self.frames) if self.frames else f'{self.seconds:g}s'


def pairs(
    source: Source, gaps: Sequence[Gap], references: int = 1, every: int = 1, most: int = 0
) -> Iterator[tuple[Gap, Pair]]:
    """Read a source once and yield, for every `every`-th frame, a pair for each of `gaps`.

    With two references the second is the distinct frame before the first, and so on; older ones are
    added up to `most`, where there are. Targets that lie too near the start for a gap have no pair
    of it. Frames are those of `distinct_frames`.
    """
    most = max(most, references)
    kept: deque[Frame] = deque()  # oldest first
    for frame in distinct_frames(source):
        kept.append(frame)
        indices = np.array([f.index for f in kept])
        stamps = np.array([f.stamp for f in kept])
        firsts = [reference_position(indices, stamps, len(kept) - 1, gap) for gap in gaps]
        if frame.index % every == 0:
            for gap, first in zip(gaps, firsts, strict=True):
                if first is not None and first + 1 >= references:
                    taken = [kept[first - k] for k in range(min(first + 1, most))]
                    yield gap, _pair(source.name, taken, frame)
        # Later targets look no further back than this one.
        spare = min(0 if first is None else first + 1 - most for first in firsts)
        for _ in range(spare):
            kept.popleft()


def distinct_frames(source: Source) -> Iterator[Frame]:
    """Yield the frames of a source that do not repeat the one before, converted by `to_core`.

    Ends early where the source breaks, its frames change shape or its stamps go back; the reason is
    in `source.broken`.
    """
    last: Frame | None = None
    for raw in source:
        frame = Frame(raw.index, raw.stamp, to_core(raw))
        if last is not None:
            if frame.image.shape != last.image.shape:
                size, before = format_size(frame.image.shape), format_size(last.image.shape)
                source.broken = f'frame {frame.index} is {size}, the one before {before}'
                return
            if frame.stamp < last.stamp:
                back = (last.stamp - frame.stamp) / NANO
                source.broken = f'the stamp of frame {frame.index} goes back by {back:g} s'
                return
            if is_repeat(frame.image, last.image):
                continue
        last = frame
        yield frame


def reference_position(
    indices: np.ndarray, stamps: np.ndarray, target: int, gap: Gap
) -> int | None:
    """Find, among distinct frames, the one shown a gap before that at position `target`.

    `indices` and `stamps` (ns) are those of the distinct frames of a clip, in order. For a gap in
    seconds it is the frame nearest in time, at least the one before the target. None where the
    clip does not reach back so far.
    """
    if gap.frames:
        wanted = indices[target] - gap.frames
        if wanted < indices[0]:
            return None
        return int(np.searchsorted(indices[:target], wanted, side='right')) - 1
    wanted = stamps[target] - gap.length
    after = int(np.searchsorted(stamps[:target], wanted))
    if after == 0:
        return 0 if target and stamps[0] == wanted else None
    if after == target:
        return target - 1
    nearer_before = wanted - stamps[after - 1] <= stamps[after] - wanted
    return after - 1 if nearer_before else after


def is_repeat(image: np.ndarray, before: np.ndarray) -> bool:
    """Tell whether a frame only repeats the one before, of the same shape."""
    return cv2.norm(image, before, cv2.NORM_L1) < REPEAT * image.size


def to_core(frame: Frame) -> np.ndarray:
    """Convert a source's image to uint8 BGR (H, W, 3) or grey (H, W), contiguous.

    Raises SourceError for an encoding that no source yields.
    """
    how = ENCODINGS.get(frame.encoding)
    if how is None or how.luma is not None or how.bayer is not None:
        raise SourceError(f'frame {frame.index} has encoding {frame.encoding!r}')
    return to_frame(frame.image, frame.encoding)


def _pair(clip: str, references: list[Frame], target: Frame) -> Pair:
    return Pair(
        clip,
        target.index,
        tuple(frame.image for frame in references),
        target.image,
        tuple((target.stamp - frame.stamp) / NANO for frame in references),
    )
