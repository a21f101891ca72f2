# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Videos, folders of pictures and bags, read frame by frame and by the restore command."""

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
import math
from pathlib import Path
from typing import Any

import av
import cv2
from fuzz.file_kind import FileKind, require, run, WrongResult
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from siammcvae_core.data.bags import CAMERA_INFO, COMPRESSED, RAW, TYPES
from siammcvae_core.data.pairs import to_core
from siammcvae_core.data.pictures import IMAGE_SUFFIXES
from siammcvae_core.data.sources import open_source
from siammcvae_core.frames import check_frame, Source
from siammcvae_core.restore.__main__ import main
from siammcvae_core.restore.recordings import sequence
from siammcvae_core.restore.recordings.resumable_output import ResumableOutput

FRAMES, HEIGHT, WIDTH = 6, 48, 64
LOST = 3  # the frame that is damaged
CODECS = {
    'h264.mp4': ('libx264', 'yuv420p'),
    'vp9.webm': ('libvpx-vp9', 'yuv420p'),
    'mpeg4.mov': ('mpeg4', 'yuv420p'),
    'ffv1.mkv': ('ffv1', 'bgr0'),
    'mjpeg.avi': ('mjpeg', 'yuvj420p'),
    'mpeg2.ts': ('mpeg2video', 'yuv420p'),
}
TYPE = TYPES.types


def pictures(frames: int = FRAMES) -> list[np.ndarray]:
    """Draw frames of a texture that moves."""
    cells = np.random.default_rng(0).integers(0, 256, (12, 24, 3), np.uint8)
    texture = cv2.resize(cells, (2 * WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(texture[:, 2 * k : 2 * k + WIDTH]) for k in range(frames)]


def masks(frames: int = FRAMES) -> list[np.ndarray]:
    """Draw masks, one of them of lost rows."""
    drawn = [np.zeros((HEIGHT, WIDTH), np.uint8) for _ in range(frames)]
    drawn[LOST][10:30] = 255
    return drawn


def write_video(file: Path, frames: Sequence[np.ndarray], codec: str, pixels: str) -> None:
    """Write BGR or grey frames, ten a second."""
    with av.open(str(file), 'w') as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, 'bgr24' if frame.ndim == 3 else 'gray')
            picture = picture.reformat(format=pixels)
            picture.pts, picture.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def consume(path: Path, topic: str = '') -> None:
    """Read a recording to its end; it must yield what `Source` documents."""
    source = open_source(path, topic)
    check(source)
    for number, frame in enumerate(source):
        require(frame.index == number, f'frame {number} has index {frame.index}')
        require(isinstance(frame.stamp, int), f'stamp {frame.stamp!r}')
        check_frame(to_core(frame))
    require('\n' not in source.broken, f'broken in several lines: {source.broken}')


def check(source: Source) -> None:
    """Check the attributes of a source."""
    require(len(source) >= 0, f'{len(source)} frames')
    require(0 < source.rate < math.inf, f'rate {source.rate}')
    require(min(source.size) > 0, f'size {source.size}')
    source.camera_info()


def _write_videos(folder: Path) -> None:
    for name, (codec, pixels) in CODECS.items():
        write_video(folder / name, pictures(), codec, pixels)


def _write_pictures(folder: Path) -> None:
    (folder / 'frames').mkdir()
    for number, suffix in enumerate(IMAGE_SUFFIXES):
        image = pictures()[0] if suffix != '.pgm' else masks()[0]
        cv2.imwrite(str(folder / 'frames' / f'{number}{suffix}'), image)
    cv2.imwrite(str(folder / 'frames' / '90.png'), masks()[0])
    cv2.imwrite(str(folder / 'frames' / '91.png'), np.dstack([pictures()[0], masks()[0]]))


def _header(number: int) -> Any:
    stamp = TYPE['builtin_interfaces/msg/Time'](1000, number * 10**8)
    return TYPE['std_msgs/msg/Header'](stamp, 'front')


def _raw(number: int, image: np.ndarray) -> Any:
    encoding = 'mono8' if image.ndim == 2 else 'bgr8'
    step = image.strides[0]
    return TYPE[RAW](_header(number), HEIGHT, WIDTH, encoding, 0, step, image.ravel())


def _camera_info() -> Any:
    roi = TYPE['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    k, r, p = np.eye(3).ravel(), np.eye(3).ravel(), np.eye(3, 4).ravel()
    d = np.zeros(5)
    return TYPE[CAMERA_INFO](_header(0), HEIGHT, WIDTH, 'plumb_bob', d, k, r, p, 0, 0, roi)


def write_bag(path: Path, storage: StoragePlugin, compressed: bool, zstd: bool = False) -> None:
    """Write images, raw or as JPEG and PNG, their masks and a camera_info."""
    writer = Writer(path, version=9, storage_plugin=storage)
    if zstd:
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    kind, topic = (COMPRESSED, '/image_raw/compressed') if compressed else (RAW, '/image_raw')
    with writer:
        info = writer.add_connection('/camera_info', CAMERA_INFO, typestore=TYPES)
        images = writer.add_connection(topic, kind, typestore=TYPES)
        lost = writer.add_connection('/fault_mask', RAW, typestore=TYPES)
        writer.write(info, 1, TYPES.serialize_cdr(_camera_info(), CAMERA_INFO))
        for number, (image, mask) in enumerate(zip(pictures(), masks(), strict=True)):
            message = _raw(number, image)
            if compressed:
                suffix = ('.jpg', '.png')[number % 2]
                data = cv2.imencode(suffix, image)[1].ravel()
                message = TYPE[COMPRESSED](_header(number), suffix[1:], data)
            time = number * 10**8 + 2
            writer.write(lost, time, TYPES.serialize_cdr(_raw(number, mask), RAW))
            writer.write(images, time, TYPES.serialize_cdr(message, kind))


def _read_bag(folder: Path, target: Path) -> None:
    bag, topic = folder / 'bag', '/image_raw'
    if (folder / 'jpeg').exists():
        topic += '/compressed'
    consume(bag, topic)
    if target.suffix in ('.mcap', '.db3'):  # without its metadata.yaml
        consume(target, topic)


def _write_jpeg_bag(folder: Path) -> None:
    write_bag(folder / 'bag', StoragePlugin.SQLITE3, compressed=True)
    (folder / 'jpeg').touch()


def _write_video_with_masks(folder: Path) -> None:
    write_video(folder / 'drive.mkv', pictures(), 'ffv1', 'bgr0')
    (folder / 'lost').mkdir()
    for number, mask in enumerate(masks()):
        cv2.imwrite(str(folder / 'lost' / f'{number}.png'), mask)


def restore_video(folder: Path) -> None:
    """Restore a video with motion alone."""
    arguments = ['drive.mkv', 'restored.mkv', '--mask', 'lost', '--weights', 'none']
    run(main, [a if a[0] == '-' or a == 'none' else str(folder / a) for a in arguments])
    consume(folder / 'restored.mkv')


def restore_bag(folder: Path) -> None:
    """Restore a bag with motion alone."""
    arguments = [str(folder / 'bag'), str(folder / 'restored')]
    run(main, [*arguments, '--topic', '/image_raw', '--weights', 'none'])
    consume(folder / 'restored', '/image_raw')


def interrupted(restore: Any, folder: Path) -> None:
    """Restore until two parts are done, and stop as if killed."""
    sequence.PART = 2  # frames
    finish, output = ResumableOutput.finish, ResumableOutput

    def stop(self: ResumableOutput, frames: int, *rest: Any) -> None:
        finish(self, frames, *rest)
        if frames == 2 * sequence.PART:
            raise KeyboardInterrupt

    output.finish = stop  # type: ignore[method-assign]
    try:
        with suppress(WrongResult):  # the exit status says that it was interrupted
            restore(folder)
    finally:
        output.finish = finish  # type: ignore[method-assign]


def _write_interrupted_video(folder: Path) -> None:
    _write_video_with_masks(folder)
    interrupted(restore_video, folder)


def _write_interrupted_bag(folder: Path) -> None:
    write_bag(folder / 'bag', StoragePlugin.MCAP, compressed=False)
    interrupted(restore_bag, folder)


OUTPUT = ('restored*', 'restored*/**/*')
KINDS = (
    FileKind('video', _write_videos, lambda folder, target: consume(target)),
    FileKind('pictures', _write_pictures, lambda folder, target: consume(folder / 'frames')),
    FileKind(
        'bag, mcap', lambda folder: write_bag(folder / 'bag', StoragePlugin.MCAP, False), _read_bag,
    ),
    FileKind('bag, sqlite3', _write_jpeg_bag, _read_bag, targets=('bag/*',)),
    FileKind(
        'restore, video', _write_video_with_masks, lambda folder, target: restore_video(folder),
        leaves=OUTPUT,
    ),
    FileKind(
        'restore, bag', lambda folder: write_bag(folder / 'bag', StoragePlugin.MCAP, False),
        lambda folder, target: restore_bag(folder), leaves=OUTPUT,
    ),
    FileKind(
        'restore going on, video', _write_interrupted_video,
        lambda folder, target: restore_video(folder),
        targets=('restored.mkv.partial/*.*',), leaves=OUTPUT,
    ),
    FileKind(
        'restore going on, bag', _write_interrupted_bag, lambda folder, target: restore_bag(folder),
        targets=('restored.partial/*.*',), leaves=OUTPUT,
    ),
)  # fmt: skip
