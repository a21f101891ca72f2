# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small videos of every make, for tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

HEIGHT, WIDTH = 48, 64


def pictures(count: int = 8, height: int = HEIGHT, width: int = WIDTH) -> list[np.ndarray]:
    """Draw frames of a texture that moves."""
    cells = np.random.default_rng(0).integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    texture = cv2.resize(cells, (width + 2 * count, height), interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(texture[:, 2 * k : 2 * k + width]) for k in range(count)]


def masks(folder: Path, count: int = 8, lost: Sequence[int] = (4,), size=(HEIGHT, WIDTH)) -> Path:
    """Write a folder of masks; in the frames `lost`, a third of the rows are."""
    folder.mkdir()
    for number in range(count):
        mask = np.zeros(size, np.uint8)
        mask[10 : 10 + size[0] // 3] = 255 * (number in lost)
        cv2.imwrite(str(folder / f'{number}.png'), mask)
    return folder


@dataclass(frozen=True)
class Make:
    """How a video is made; `times` are of its packets, in units of `time_base`."""

    codec: str = 'libx264'
    pixels: str = 'yuv420p'
    times: Sequence[int] = ()
    time_base: Fraction = Fraction(1, 1000)
    container: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    muxing: dict[str, str] = field(default_factory=dict)
    seconds_of_sound: float = 0
    setup: Callable[[av.VideoStream], object] = lambda stream: None
    convert: Callable[[av.VideoFrame], av.VideoFrame] | None = None


INTRA = Make('mjpeg', 'yuvj420p')  # packets may have any times


def write_clip(path: Path, frames: Sequence[np.ndarray], make: Make = Make()) -> Path:
    """Write BGR frames, ten a second unless `make` says otherwise."""
    with av.open(f'file:{path.absolute()}', 'w', format=make.container, options=make.muxing) as out:
        stream = out.add_stream(make.codec, rate=10, options=make.options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = make.pixels
        make.setup(stream)
        sound = out.add_stream('aac', rate=48000, layout='mono') if make.seconds_of_sound else None
        packets = []
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, 'bgr24')
            picture = (make.convert or (lambda p: p.reformat(format=make.pixels, threads=1)))(
                picture
            )
            picture.pts, picture.time_base = number, Fraction(1, 10)
            packets += stream.encode(picture)
        packets += stream.encode(None)
        for number, packet in enumerate(packets):
            if make.times:
                packet.pts = packet.dts = make.times[number]
                packet.time_base = make.time_base
            out.mux(packet)
        if sound:
            for number in range(round(make.seconds_of_sound * 48000 / 1024)):
                samples = av.AudioFrame.from_ndarray(
                    np.zeros((1, 1024), np.float32), 'fltp', 'mono'
                )
                samples.sample_rate, samples.pts = 48000, 1024 * number
                samples.time_base = Fraction(1, 48000)
                out.mux(sound.encode(samples))
            out.mux(sound.encode(None))
    return path
