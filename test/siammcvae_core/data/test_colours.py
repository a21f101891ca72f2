# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Videos of every matrix, range and depth are seen as players show them."""

from dataclasses import replace
from pathlib import Path

import av
from av.video.reformatter import Interpolation
import numpy as np
import pytest
from support.videos import Make, write_clip

from siammcvae_core.data.colours import Colours
from siammcvae_core.data.sources import open_source
from siammcvae_core.errors import SourceError

BARS = np.array([[40, 40, 220], [40, 200, 40], [220, 60, 40], [40, 200, 220], [128, 128, 128]])
STRIPE = 32  # pixels
LEVELS = 3.5  # of 8 bits: coarse chroma, and libswscale that rounds down


def bars(height: int) -> np.ndarray:
    return np.repeat(np.repeat(BARS[None].astype(np.uint8), STRIPE, 1), height, 0)


def coded(matrix: int, full: bool, tagged: bool, pixels: str = 'yuv420p', codec: str = 'libx264'):
    """Make videos coded by a matrix and a range, with or without tags that say so."""

    def convert(picture: av.VideoFrame) -> av.VideoFrame:
        picture = picture.reformat(
            format=pixels, dst_colorspace=5 if matrix == 6 else matrix,
            dst_color_range=1 + full, interpolation=Interpolation.ACCURATE_RND, threads=1,
        )  # fmt: skip
        picture.colorspace, picture.color_range = 2, 0
        return picture

    def setup(stream: av.VideoStream) -> None:
        if tagged:
            stream.codec_context.colorspace = matrix
            stream.codec_context.color_range = 1 + full

    options = {'qp': '2'} if codec == 'libx264' else {}
    return Make(codec, pixels, options=options, convert=convert, setup=setup)


def check_bars(image: np.ndarray) -> None:
    shown = image[len(image) // 2, STRIPE // 2 :: STRIPE].astype(float)
    np.testing.assert_allclose(shown, BARS, atol=LEVELS)


@pytest.mark.parametrize(
    ('height', 'matrix'), [(240, 6), (480, 6), (576, 6), (718, 6), (720, 1), (1080, 1)]
)
@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.ts'])
def test_untagged_video_is_decoded_by_its_number_of_lines(
    tmp_path: Path, height: int, matrix: int, name: str
) -> None:
    path = write_clip(tmp_path / name, [bars(height)], coded(matrix, full=False, tagged=False))
    source = open_source(path)
    (frame,) = source
    check_bars(frame.image)
    assert source.colours.matrix == matrix
    assert not source.colours.full_range


@pytest.mark.parametrize('matrix', [1, 4, 5, 6, 7, 9])
@pytest.mark.parametrize('full', [False, True])
@pytest.mark.parametrize('height', [64, 720])
def test_tags_go_before_the_number_of_lines(
    tmp_path: Path, matrix: int, full: bool, height: int
) -> None:
    path = write_clip(tmp_path / 'a.mp4', [bars(height)], coded(matrix, full, tagged=True))
    source = open_source(path)
    (frame,) = source
    check_bars(frame.image)
    assert (source.colours.matrix, source.colours.full_range) == (matrix, full)


@pytest.mark.parametrize(
    ('codec', 'pixels', 'full'),
    [
        ('libx264', 'yuv420p10le', False),
        ('libx264', 'yuv422p', False),
        ('libx264', 'yuv422p10le', False),
        ('libx264', 'yuv444p', False),
        ('libx264', 'nv12', False),
        ('libx264', 'yuvj420p', True),
        ('ffv1', 'yuv422p16le', False),
        ('ffv1', 'yuva420p', False),
        ('rawvideo', 'uyvy422', False),
        ('rawvideo', 'nv12', False),
        ('rawvideo', 'bgr24', True),
        ('ffv1', 'bgr0', True),
        ('libx264rgb', 'rgb24', True),
    ],
)
@pytest.mark.parametrize(('height', 'matrix'), [(480, 6), (720, 1)])
def test_every_pixel_format_is_decoded_by_the_matrix(
    tmp_path: Path, codec: str, pixels: str, full: bool, height: int, matrix: int
) -> None:
    make = coded(matrix, full, tagged=False, pixels=pixels, codec=codec)
    if 'rgb' in pixels + codec or 'bgr' in pixels:
        make = replace(make, convert=None)
    (frame,) = open_source(write_clip(tmp_path / 'a.nut', [bars(height)], make))
    check_bars(frame.image)


def test_full_range_that_only_the_container_tags_is_honoured(tmp_path: Path) -> None:
    make = coded(1, full=True, tagged=True, codec='libvpx-vp9')
    source = open_source(write_clip(tmp_path / 'a.webm', [bars(64)], make))
    (frame,) = source
    check_bars(frame.image)
    assert source.colours.full_range


def test_a_matrix_that_cannot_be_converted_is_refused_by_name(tmp_path: Path) -> None:
    def setup(stream: av.VideoStream) -> None:
        stream.codec_context.colorspace = 8

    path = write_clip(tmp_path / 'a.mp4', [bars(64)], Make(setup=setup))
    with pytest.raises(SourceError, match=r'a\.mp4: .*coded by matrix 8 \(YCgCo\)'):
        open_source(path)


@pytest.mark.parametrize('matrix', [1, 4, 5, 6, 7, 9])
@pytest.mark.parametrize('full', [False, True])
def test_encoding_is_undone_by_decoding(matrix: int, full: bool) -> None:
    picture = Colours(matrix, full_range=full).encode(bars(64))
    assert picture.colorspace == matrix
    assert picture.color_range == 1 + full
    check_bars(picture.to_ndarray(format='bgr24', threads=1))


def test_grey_frames_are_encoded_in_full_depth() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None], 16, 0)
    for full in (False, True):
        shown = Colours(full_range=full).encode(ramp).to_ndarray(format='bgr24', threads=1)
        np.testing.assert_allclose(
            shown[8].astype(float), np.repeat(ramp[8][:, None], 3, 1), atol=2
        )
