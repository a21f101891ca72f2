# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""H.264 packet loss, real: encode, drop slices, decode with FFmpeg's error concealment.

Two decoders read the same stream, one of them with gaps. Where their pictures differ the content
is lost, errors carried on by prediction from damaged frames included; there the decode with gaps
is delivered. Elsewhere loss changed nothing and the frame itself is delivered: the loss, not the
coding, is the fault.
"""

from fractions import Fraction
import re

import av
from av.error import InvalidDataError
import cv2
import numpy as np

from siammcvae_core.faults.history import CameraHistory

PACKET = 1200  # bytes of a slice at most: one RTP packet each
KEY_FRAMES = 30  # frames from one key frame to the next
SLICE_TYPES = (1, 5)  # NAL units that carry a slice, of other frames and of key frames
START_CODE = re.compile(rb'\x00?\x00\x00\x01')


class LossyStream:
    """One H.264 stream, from its first key frame on, and how it looks with and without gaps.

    shape: of the frames, (H, W, 3) BGR or (H, W).
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        encoder = av.CodecContext.create('libx264', 'w')
        encoder.width, encoder.height = (side + side % 2 for side in shape[1::-1])
        encoder.pix_fmt = 'yuv420p'
        encoder.time_base = Fraction(1, 30)
        encoder.thread_count = 1  # threads slice the frame differently on every machine
        encoder.options = {
            'preset': 'ultrafast',
            'tune': 'zerolatency',
            'crf': '23',
            'x264-params': f'slice-max-size={PACKET}:keyint={KEY_FRAMES}:sliced-threads=0',
        }
        self._encoder = encoder
        self._intact, self._gapped = _decoder(), _decoder()
        self._shown = np.zeros(shape, np.uint8)  # by the decoder with gaps

    def send(
        self, frame: np.ndarray, ratio: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Send the next frame and lose `ratio` of its packets, at least one unless it is 0.

        Returns what is delivered, and the mask, bool (H, W), True = lost.
        """
        units = self._encode(frame)
        slices = [i for i, unit in enumerate(units) if _unit_type(unit) in SLICE_TYPES]
        count = min(max(round(ratio * len(slices)), 1), len(slices)) if ratio else 0
        gaps = set(rng.choice(slices, count, replace=False).tolist())
        intact = self._decode(self._intact, units)
        came = [unit for i, unit in enumerate(units) if i not in gaps]
        gapped = self._decode(self._gapped, came)
        if gapped is not None:
            self._shown = gapped
        mask = self._shown != intact
        if mask.ndim == 3:
            mask = mask.any(axis=2)
        return cv2.copyTo(self._shown, mask.view(np.uint8), frame.copy()), mask

    def _encode(self, frame: np.ndarray) -> list[bytes]:
        """Encode a frame into its NAL units, start codes included."""
        height, width = self._shape[:2]
        even = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        picture = av.VideoFrame.from_ndarray(even, 'bgr24' if frame.ndim == 3 else 'gray')
        data = b''.join(map(bytes, self._encoder.encode(picture.reformat(format='yuv420p'))))
        starts = [match.start() for match in START_CODE.finditer(data)]
        return [data[i:j] for i, j in zip(starts, [*starts[1:], len(data)], strict=True)]

    def _decode(self, decoder: av.CodecContext, units: list[bytes]) -> np.ndarray | None:
        """Decode the units of one frame; None if nothing can be shown."""
        try:
            shown = decoder.decode(av.Packet(b''.join(units))) if units else []
        except InvalidDataError:  # headers without a slice
            return None
        if not shown:
            return None
        picture = shown[-1].to_ndarray(format='bgr24' if len(self._shape) == 3 else 'gray')
        return np.ascontiguousarray(picture[: self._shape[0], : self._shape[1]])


def lose_packets(
    frame: np.ndarray, ratio: float, rng: np.random.Generator, history: CameraHistory
) -> tuple[np.ndarray, np.ndarray]:
    """Lose `ratio` of the frame's H.264 packets: (frame, mask).

    A burst begins with the frame before it as an intact key frame; without one the key frame itself
    is hit. Within the burst errors spread; after it the stream starts anew.
    """
    if history.state is None:
        history.state = LossyStream(frame.shape)
        if history.captured is not None:
            history.state.send(history.captured, 0, rng)
    return history.state.send(frame, ratio, rng)


def _decoder() -> av.CodecContext:
    decoder = av.CodecContext.create('h264', 'r')
    decoder.thread_count = 1  # more would deliver frames late
    decoder.options = {'flags': '+output_corrupt+low_delay', 'flags2': '+showall'}
    return decoder


def _unit_type(unit: bytes) -> int:
    return unit[unit.index(1) + 1] & 31
