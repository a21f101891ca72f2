# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded streams for tests: the rendered drive as an MPEG transport stream, with packets lost."""

from fractions import Fraction

import av
from support.coded_stream import drive_frames

PACKET = 188


def write_stream(path, count=24, size=(320, 192), codec='libx264', slices=2, bframes=0):
    """Write a transport stream of 25 Hz with a key picture every 15."""
    parameters = f'keyint=15:bframes={bframes}:scenecut=0'
    if codec == 'libx264':
        parameters += f':slices={slices}:sliced-threads=0'
    else:
        parameters += ':log-level=none:pools=none:frame-threads=1'
    with av.open(str(path), 'w', format='mpegts') as container:
        options = {'preset': 'veryfast', f'{codec[3:]}-params': parameters}
        stream = container.add_stream(codec, Fraction(25), options=options)
        stream.width, stream.height, stream.pix_fmt = *size, 'yuv420p'
        for frame in drive_frames(count, size):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='bgr24')))
        container.mux(stream.encode(None))
    return path


def packets_of(path):
    """Cut a stream into its packets."""
    data = path.read_bytes()
    return [data[at : at + PACKET] for at in range(0, len(data), PACKET)]


def beginnings(packets):
    """Return at which packets the pictures begin."""
    return [
        at for at, one in enumerate(packets) if one[1] & 0x40 and (one[1] & 31, one[2]) == (1, 0)
    ]


def lose(path, out, chosen):
    """Write a stream less some of its packets, by their number."""
    kept = [one for at, one in enumerate(packets_of(path)) if at not in set(chosen)]
    out.write_bytes(b''.join(kept))
    return out
