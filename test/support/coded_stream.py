# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera streams for tests: the rendered drive, encoded by x264 or x265."""

from fractions import Fraction
from functools import cache

import av
import numpy as np

from siammcvae_core.simulation.drive import DriveSim

PERIOD = 40_000_000  # ns from frame to frame
SIZE = (160, 96)


@cache
def drive_frames(count, size=SIZE):
    """Render the first frames of a drive, uint8 (H, W, 3) BGR."""
    drive = DriveSim(size)
    return [drive.render(30 + index) for index in range(count)]


def encode(frames, codec='h264', slices=1, key_every=15, bframes=0, extra=''):
    """Encode frames; returns (Annex B or JPEG bytes, stamp in ns) in decoding order."""
    name = {'h264': 'libx264', 'hevc': 'libx265', 'mjpeg': 'mjpeg'}[codec]
    encoder = av.CodecContext.create(name, 'w')
    encoder.height, encoder.width = frames[0].shape[:2]
    encoder.pix_fmt = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.thread_count = 1
    if codec != 'mjpeg':
        parameters = f'keyint={key_every}:bframes={bframes}:scenecut=0:crf=23' + extra
        if codec == 'h264':
            parameters += f':slices={slices}:sliced-threads=0'
        else:
            parameters += ':log-level=none:pools=none:frame-threads=1'
        encoder.options = {'preset': 'veryfast', f'{name[3:]}-params': parameters}
    packets = []
    for index, frame in enumerate([*frames, None]):
        picture = None
        if frame is not None:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='bgr24')
            picture = picture.reformat(format=encoder.pix_fmt)
            picture.pts = index
        packets += [(bytes(packet), packet.pts * PERIOD) for packet in encoder.encode(picture)]
    return packets
