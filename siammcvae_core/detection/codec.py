# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fault masks from a camera's compressed stream: what the decoder had to conceal.

H.264: from a loss on, a second decoder reads the same packets, without FFmpeg's error concealment.
Both predict from what they show, so wherever the two pictures differ the content is lost, errors
carried on by prediction included; where they are equal again an intra refresh has healed it:

    lost(cell) = max over the cell of |first - second| > TOLERANCE

The second decoder starts at the last key picture, whose packets are kept, and ends when the damage
is healed, see `second_decoder`; an intact stream is decoded once. H.265: FFmpeg conceals nothing,
so pictures are lost from the loss to the next intra picture. JPEG: each picture by itself, see
`cut_jpeg`.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from siammcvae_core.data.colours import to_bgr
from siammcvae_core.detection.coded_picture import CodedPicture
from siammcvae_core.detection.cut_jpeg import decode_cut_jpeg
from siammcvae_core.detection.lossy_decoder import LossyDecoder, Shown
from siammcvae_core.detection.nal_units import has_slice, is_key_picture, split_units
from siammcvae_core.detection.second_decoder import any_of_cell, CELL, SecondDecoder
from siammcvae_core.detection.slice_headers import ParameterSets
from siammcvae_core.errors import FrameError, InputError, SourceError

CODECS = ('h264', 'hevc', 'mjpeg')
HEALED = 16  # equal pictures in a row: no picture that is still predicted from can be damaged
LONGEST_HOLE = 30  # frames added in a row; beyond, the stream was interrupted
LONGEST_GROUP = 300  # packets kept from the last key picture on


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """A frame, uint8 (H, W, 3) BGR, its cells of CELL px, bool (R, C), True = lost, its stamp, ns.

    `came` is False for a frame of which nothing came; it then shows the one before.
    """

    image: np.ndarray
    mask: np.ndarray
    stamp: int
    came: bool = True


class CodecDecoder:
    """Decodes one stream and says what of it is lost. Pictures are given in decoding order."""

    def __init__(self, codec: str) -> None:
        """`codec`: 'h264', 'hevc' or 'mjpeg'; raises InputError for another."""
        if codec not in CODECS:
            raise InputError(f"codec is '{codec}', expected one of: {', '.join(CODECS)}")
        self._codec = codec
        self._shown = LossyDecoder(codec)
        self._parameters = ParameterSets()
        self._second: SecondDecoder | None = None
        self._group: list[CodedPicture] = []
        self._waiting: list[int] = []  # stamps of pictures that have not been shown yet
        self._key_stamp: int | None = None  # of the newest key picture, nothing lost since
        self._clean = False  # until there is a picture to begin with; H.265: from a loss on, too
        self._last: np.ndarray | None = None
        self._last_stamp: int | None = None
        self._period: int | None = None  # ns, the shortest time between two frames so far
        self._holes = False  # pictures are missing whose stamps nobody told

    @property
    def tracks_damage(self) -> bool:
        """Whether a second decoder is at work."""
        return self._second is not None

    def decode(self, picture: CodedPicture) -> list[DecodedFrame]:
        """Decode the next picture; returns the frames that are ready, in the order of their stamps.

        A picture that cannot be decoded at all comes as a lost frame, before the next one that can;
        before the first frame there is nothing to show for it.
        """
        if self._codec == 'mjpeg':
            return self._decode_jpeg(picture)
        if picture.stamp is not None:
            self._waiting.append(picture.stamp)
        if self._codec == 'h264':
            for unit in split_units(picture.data):
                self._parameters.learn(unit)
        carries = bool(picture.data) and has_slice(picture.data, self._codec)
        lost = picture.lost or not carries
        if carries and not picture.lost and is_key_picture(picture.data, self._codec):
            self._key_stamp, self._group = picture.stamp, []
        if lost:
            self._lose()
        self._holes |= picture.stamp is None or picture.gap
        self._group.append(picture)
        shown = self._shown.feed(picture)
        if self._second is not None:
            self._second.feed(picture)
        elif len(self._group) > LONGEST_GROUP or any(one.corrupt for one in shown):
            self._start_second()
        if len(self._group) > LONGEST_GROUP:
            self._group = []
        return [frame for one in shown for frame in self._finish(one)]

    def flush(self) -> list[DecodedFrame]:
        """Return what is still to be shown at the end of a stream."""
        shown = self._shown.flush()
        if self._second is not None:
            self._second.flush()
        frames = [frame for one in shown for frame in self._finish(one)]
        return frames + self._missing(None)

    def _lose(self) -> None:
        """Note that something is missing from here on."""
        self._key_stamp = None
        if self._second is None:
            self._start_second()
        if self._codec == 'hevc':
            self._clean = False

    def _start_second(self) -> None:
        """Let the second decoder read what the first one has read since the last key picture."""
        if self._codec != 'h264':
            return
        self._second = SecondDecoder(self._parameters)
        for picture in self._group:
            self._second.feed(picture)

    def _finish(self, shown: Shown) -> list[DecodedFrame]:
        """Add the mask to a decoded picture, and in front of it the frames that never came."""
        stamp = shown.stamp
        if stamp not in self._waiting:
            return []  # a second picture in the same packet: there is no stamp for it
        self._expect(stamp)
        missing = self._missing(stamp)
        try:
            image = to_bgr(shown.picture)
        except SourceError:  # damaged headers: a matrix that does not exist
            return missing + self._missing(stamp + 1)
        self._waiting.remove(stamp)
        if stamp == self._key_stamp:
            self._clean = True
        elif self._codec == 'hevc' and shown.corrupt:
            self._clean = False
        mask = self._mask(shown)
        self._last = image
        return [*missing, DecodedFrame(image, mask, stamp)]

    def _expect(self, stamp: int) -> None:
        """Before the frame of a stamp: wait for those that must have been there, never came."""
        before = [self._last_stamp, *sorted(other for other in self._waiting if other <= stamp)]
        for last, now in pairwise(one for one in before if one is not None):
            step = now - last
            if self._holes and self._period:
                count = min(round(step / self._period), LONGEST_HOLE + 1)
                self._waiting += [last + step * part // count for part in range(1, count)]
            elif step > 0:
                self._period = min(step, self._period or step)
        if self._last_stamp is not None and stamp > self._last_stamp + (self._period or 0):
            self._holes = False
        self._last_stamp = stamp

    def _mask(self, shown: Shown) -> np.ndarray:
        stamp, yuv, corrupt = shown.stamp, shown.yuv, shown.corrupt
        height, width = shown.picture.height, shown.picture.width
        cells = (-(-height // CELL), -(-width // CELL))
        if not self._clean:
            if self._codec == 'hevc' or corrupt:
                return np.ones(cells, bool)
            self._clean = True  # an intra refresh has gone round
        second = self._second
        if second is None:
            return np.zeros(cells, bool)
        mask = second.compare(stamp, yuv)
        odd = [(0, count - have) for count, have in zip(cells, mask.shape, strict=True)]
        mask = np.pad(mask, odd, mode='edge')
        if (second.equal and stamp == self._key_stamp) or (second.equal >= HEALED and self._group):
            self._second = None
        return mask

    def _missing(self, before: int | None) -> list[DecodedFrame]:
        """Make the frames that should have been shown before a stamp, or at all, all lost."""
        stamps = sorted(stamp for stamp in self._waiting if before is None or stamp < before)
        self._waiting = [stamp for stamp in self._waiting if stamp not in stamps]
        if self._last is None:
            return []
        height, width = self._last.shape[:2]
        mask = np.ones((-(-height // CELL), -(-width // CELL)), bool)
        return [DecodedFrame(self._last, mask, stamp, came=False) for stamp in stamps]

    def _decode_jpeg(self, picture: CodedPicture) -> list[DecodedFrame]:
        if picture.stamp is None:
            return []
        self._waiting.append(picture.stamp)
        try:
            image, lost = decode_cut_jpeg(picture.data)
        except FrameError:
            return self._missing(None)
        self._waiting.clear()
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        self._last = image
        return [DecodedFrame(image, any_of_cell(lost), picture.stamp)]
