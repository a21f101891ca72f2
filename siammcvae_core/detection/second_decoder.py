# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A second decoder of H.264, which conceals nothing: where it differs from the first, all is lost.

It differs from the first wherever something is missing, and both carry that on alike:

- in place of a slice or a picture that is missing it decodes that of the newest whole reference
  picture once more, so that things move on; the first decoder repeats what was there;
- behind the end of a slice that was cut off it reads random bytes, and leaves what its memory held.
"""

from collections import deque
from typing import NamedTuple

import av
import cv2
import numpy as np

from siammcvae_core.detection.coded_picture import CodedPicture
from siammcvae_core.detection.lossy_decoder import LossyDecoder
from siammcvae_core.detection.nal_units import join_units, split_units
from siammcvae_core.detection.slice_headers import ParameterSets, renumbered, SliceHeader

CELL = 16  # pixels, a macroblock
TOLERANCE = 4  # levels of Y, U or V
RANDOM_END = 64  # bytes: a decoder notices within a few that they make no sense
_HELD = 8  # pictures
_KEPT = 16  # pictures at most that H.264 predicts from


class Slice(NamedTuple):
    """A NAL unit and its header."""

    unit: bytes
    header: SliceHeader


class SecondDecoder:
    """Decodes what the first decoder reads, from a key picture on, and compares.

    `equal` counts the pictures in a row that were equal to the bit, since the last loss.
    """

    def __init__(self, parameters: ParameterSets) -> None:
        """`parameters` are those of the stream."""
        self._parameters = parameters
        self._decoder = LossyDecoder('h264', conceal=False)
        self._pictures: dict[int, np.ndarray] = {}  # I420 by stamp
        self._absent: dict[int, list[slice]] = {}  # macroblocks known to be missing, by stamp
        self._firsts: list[int] = []  # first macroblocks of the slices of a whole picture
        self._whole: list[Slice] = []  # the newest whole reference picture that is no key picture
        self._number: int | None = None  # frame_num of the newest reference picture
        self._blind = False  # a picture is missing and nothing could replace it
        # The memory of damaged pictures, held so that it is not what the next slice leaves when it
        # is cut off: it may be just what the first decoder repeats.
        self._damaged: set[int] = set()  # stamps
        self._held: deque[av.VideoFrame] = deque(maxlen=_HELD)
        self.equal = 0

    def feed(self, picture: CodedPicture) -> None:
        """Decode the next picture."""
        if picture.lost:
            self.equal = 0
            if picture.stamp is not None:
                self._damaged.add(picture.stamp)
        units = with_random_ends(split_units(picture.data), picture.cut)
        slices = [
            Slice(unit, header)
            for unit in units
            if (header := self._parameters.read(unit)) is not None
        ]
        if slices:
            self._replace_pictures(picture, slices)
            missing = self._missing_slices(picture, slices)
            self._remember(picture, slices, missing)
            units = [unit for unit in units if self._parameters.read(unit) is None]
            slices += self._replacements(slices[0].header, missing)
            units += [one.unit for one in sorted(slices, key=lambda one: one.header.first)]
        self._take(CodedPicture(join_units(units), picture.stamp, picture.lost))

    def flush(self) -> None:
        """Decode what is left at the end of the stream."""
        self._pictures.update((one.stamp, one.yuv) for one in self._decoder.flush())

    def compare(self, stamp: int, shown: np.ndarray) -> np.ndarray:
        """Return the lost cells of the picture shown first, I420: bool (R, C) of even sides."""
        for old in [other for other in self._pictures if other < stamp]:
            del self._pictures[old]
        for old in [other for other in self._absent if other < stamp]:
            del self._absent[old]
        self._damaged = {other for other in self._damaged if other > stamp}
        own = self._pictures.pop(stamp, None)
        height, width = shown.shape[0] * 2 // 3, shown.shape[1]
        if own is None or own.shape != shown.shape:
            self.equal = 0
            return np.ones((-(-height // CELL), -(-width // CELL)), bool)
        mask = differing_cells(shown, own)
        self.equal = self.equal + 1 if np.array_equal(shown, own) else 0
        for blocks in self._absent.pop(stamp, []):
            mask.reshape(-1)[blocks] = True
        return mask

    def _take(self, picture: CodedPicture) -> None:
        for one in self._decoder.feed(picture):
            self._pictures[one.stamp] = one.yuv
            if one.stamp in self._damaged:
                self._held.append(one.picture)

    def _replace_pictures(self, picture: CodedPicture, slices: list[Slice]) -> None:
        """Decode something in place of each reference picture that is missing before this one."""
        header = slices[0].header
        if header.key:
            self._blind = False
        elif self._number is not None and (picture.lost or picture.gap or not header.sequence.gaps):
            missing = min(header.missing_after(self._number), _KEPT)
            whole = self._whole or (slices if header.reference else [])
            self._blind |= bool(missing) and not whole
            for number in range(self._number + 1, self._number + 1 + missing):
                units = [renumbered(*one, number, header.order - 1) for one in whole]
                self._take(CodedPicture(join_units(units), None))
        if header.reference:
            self._number = header.number

    def _missing_slices(self, picture: CodedPicture, slices: list[Slice]) -> list[int]:
        """Return where slices begin that did not come, if pictures are always cut up alike."""
        firsts = {one.header.first for one in slices}
        if not picture.lost or slices[0].header.sequence.fields or not firsts <= {*self._firsts}:
            return []
        return [first for first in self._firsts if first not in firsts]

    def _remember(self, picture: CodedPicture, slices: list[Slice], missing: list[int]) -> None:
        header = slices[0].header
        if picture.stamp is not None and self._blind:
            self._absent[picture.stamp] = [slice(None)]
        elif picture.stamp is not None and missing:
            ends = dict(zip(self._firsts, [*self._firsts[1:], None], strict=True))
            self._absent[picture.stamp] = [slice(first, ends[first]) for first in missing]
        if not picture.lost:
            self._firsts = [one.header.first for one in slices]
            if header.reference and not header.key:
                self._whole = slices

    def _replacements(self, header: SliceHeader, missing: list[int]) -> list[Slice]:
        """Return slices in place of those missing; none where nothing is predicted from them.

        A key picture has no slices of others.
        """
        if header.key or not header.reference:
            return []
        return [
            Slice(renumbered(*one, header.number, header.order), one.header)
            for one in self._whole
            if one.header.first in missing
        ]


def with_random_ends(units: list[bytes], cut: tuple[int, ...]) -> list[bytes]:
    """Continue the units that were cut off with random bytes.

    A decoder reads beyond the end before it notices. Two that read the same there would agree.
    """
    tails = np.random.default_rng(sum(map(len, units)))
    # Bytes above 3 cannot form a start code.
    return [
        unit + tails.integers(4, 256, RANDOM_END, np.uint8).tobytes() if number in cut else unit
        for number, unit in enumerate(units)
    ]


def differing_cells(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compare pictures in I420, uint8 (H * 3 / 2, W): bool (R, C), True where a cell differs."""
    height, width = first.shape[0] * 2 // 3, first.shape[1]
    differs = cv2.absdiff(first, second) > TOLERANCE
    chroma = differs[height:].reshape(2, height // 2, width // 2).any(axis=0)
    return any_of_cell(differs[:height]) | any_of_cell(chroma, CELL // 2)


def any_of_cell(lost: np.ndarray, side: int = CELL) -> np.ndarray:
    """Reduce bool (H, W) to cells of `side` px, True if any pixel is."""
    height, width = lost.shape
    below, beyond = -height % side, -width % side
    padded = np.pad(lost, ((0, below), (0, beyond)))
    return np.asarray(padded.reshape(-1, side, (width + beyond) // side, side).any(axis=(1, 3)))
