# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks in videos of every depth: whatever is not black is lost, or the video is refused."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from siammcvae_core.data.sources import open_masks
from siammcvae_core.errors import SourceError

HEIGHT, WIDTH = 32, 48
LOST = np.zeros((HEIGHT, WIDTH), np.bool_)
LOST[8:20, 16:40] = True


def colour(value: int, alpha: int | None = None) -> np.ndarray:
    image = np.repeat(LOST[..., None] * np.uint8(value), 3, axis=2)
    return image if alpha is None else np.dstack([image, np.full(LOST.shape, alpha, np.uint8)])


def luma(level: int) -> np.ndarray:
    """Lay out yuv420p10: black, and a level of luma where lost."""
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 512, np.uint16)
    planes[:HEIGHT] = np.where(LOST, level, 64)
    return planes


def write(path: Path, pixels: str, image: np.ndarray, given: str, codec: str = 'ffv1') -> str:
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=10, options={'qp': '0'})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(image, format=given).reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return str(path)


@pytest.mark.parametrize(
    ('pixels', 'image', 'given'),
    [
        ('gray', LOST * np.uint8(1), 'gray'),
        ('gray16le', LOST * np.uint16(1), 'gray16le'),
        ('gray10le', LOST * np.uint16(1), 'gray10le'),
        ('gbrp16le', np.dstack([LOST * np.uint16(0), LOST * np.uint16(1), LOST * 0]), 'rgb48le'),
        ('yuv420p10le', luma(65), 'yuv420p10le'),
        ('bgr0', colour(1), 'bgr24'),
        ('bgra', colour(1, alpha=255), 'bgra'),
        ('yuva420p10le', colour(9, alpha=255), 'bgra'),
        ('gbrap12le', colour(9, alpha=255), 'bgra'),
    ],
)
def test_every_depth(pixels: str, image: np.ndarray, given: str, tmp_path: Path) -> None:
    masks = list(
        open_masks(
            write(
                tmp_path / 'mask.mkv',
                pixels,
                image.astype(np.uint16 if image.dtype.itemsize > 1 else np.uint8),
                given,
            )
        )
    )
    assert len(masks) == 3
    for mask in masks:
        np.testing.assert_array_equal(mask.image, LOST * np.uint8(255))


@pytest.mark.parametrize(
    ('codec', 'pixels', 'suffix'),
    [('ffv1', 'bgra', '.mkv'), ('ffv1', 'yuva444p10le', '.mkv'), ('qtrle', 'argb', '.mov')],
)
def test_what_only_alpha_tells_is_refused(
    codec: str, pixels: str, suffix: str, tmp_path: Path
) -> None:
    image = np.dstack([colour(0), LOST * np.uint8(255)])
    path = write(tmp_path / f'mask{suffix}', pixels, image, 'bgra', codec)
    with pytest.raises(SourceError, match=r'mask\.mkv.*transparent|mask\.mov.*transparent'):
        open_masks(path)


def test_alpha_that_is_not_decoded_is_refused(tmp_path: Path) -> None:
    image = np.dstack([colour(0), LOST * np.uint8(255)])
    path = write(tmp_path / 'mask.webm', 'yuva420p', image, 'bgra', 'libvpx-vp9')
    with pytest.raises(SourceError, match=r'mask\.webm.*its transparency cannot be read'):
        open_masks(path)
