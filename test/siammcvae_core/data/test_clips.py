# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Video files and image folders, sound and broken, all made here."""

from fractions import Fraction
from pathlib import Path
import struct
import zlib

import av
import cv2
import numpy as np
import pytest

from siammcvae_core.data import clips as clips_module
from siammcvae_core.data.clips import write_video
from siammcvae_core.data.sources import open_source
from siammcvae_core.errors import InputError, SourceError

CLIPS = Path(__file__).parents[3].parent / 'shared' / 'data' / 'val'


def noise(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Make frames that compress badly, so that every part of a file carries picture data."""
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (count, height, width, 3), np.uint8))


def encode(path: Path, frames: list[np.ndarray], stamps_ms: list[int] = (), **container) -> Path:
    """Write H.264 at 10 Hz, or with the given time codes."""
    with av.open(str(path), 'w', **container) as out:
        stream = out.add_stream('libx264', rate=10)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 1000 if stamps_ms else 10)
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, 'bgr24')
            picture.pts = stamps_ms[index] if stamps_ms else index
            picture.time_base = stream.codec_context.time_base
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def test_video_written_is_read_back(tmp_path):
    bars = np.zeros((48, 66, 3), np.uint8)
    bars[:, :22], bars[:, 22:44], bars[:, 44:] = (0, 0, 255), (0, 200, 0), (255, 0, 0)
    with write_video(tmp_path / 'bars.mp4', 12.5) as append:
        for _ in range(5):
            append(bars)
    source = open_source(tmp_path / 'bars.mp4')
    frames = list(source)
    assert (source.size, source.rate, len(source), source.broken) == ((66, 48), 12.5, 5, '')
    assert source.camera_info() is None
    assert not source.stamped
    assert [f.stamp for f in frames] == [0, 80_000_000, 160_000_000, 240_000_000, 320_000_000]
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert frames[0].image.flags.c_contiguous
    assert frames[0].encoding == 'bgr8'
    for x in (11, 33, 55):  # colours survive the tagged BT.709 round trip
        np.testing.assert_allclose(frames[2].image[24, x].astype(int), bars[24, x], atol=8)
    assert len(list(source)) == 5


def test_video_is_tagged_and_laid_out_for_browsers(tmp_path):
    with write_video(tmp_path / 'a.mp4', 29.97) as append:
        append(np.full((32, 32), 90, np.uint8))
    data = (tmp_path / 'a.mp4').read_bytes()
    assert data.index(b'moov') < data.index(b'mdat')
    with av.open(str(tmp_path / 'a.mp4')) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ('h264', 'yuv420p')
        assert stream.codec_context.colorspace == 1
        assert float(stream.average_rate) == pytest.approx(29.97, abs=1e-4)


def test_odd_sizes_are_padded_by_their_last_row_and_column(tmp_path):
    grey = np.full((33, 35), 60, np.uint8)
    grey[-1], grey[:, -1] = 200, 200
    with write_video(tmp_path / 'odd.mp4', 10) as append:
        append(grey)
    (frame,) = open_source(tmp_path / 'odd.mp4')
    assert frame.image.shape == (34, 36, 3)
    assert frame.image[33, :].min() > 180
    assert frame.image[:, 35].min() > 180
    assert frame.image[:30, :32].max() < 90


def test_video_refuses_a_second_size_and_an_unwritable_path(tmp_path):
    with write_video(tmp_path / 'a.mp4', 10) as append:
        append(np.zeros((48, 32, 3), np.uint8))
        with pytest.raises(InputError, match=r'64x48 pixels, the first was 32x48'):
            append(np.zeros((48, 64, 3), np.uint8))
    assert len(list(open_source(tmp_path / 'a.mp4'))) == 1
    with (
        pytest.raises(InputError, match=r'cannot write the video .*none.a\.mp4: No such file'),
        write_video(tmp_path / 'none' / 'a.mp4', 10),
    ):
        pass


def test_stamps_are_the_time_codes_of_the_file(tmp_path):
    path = encode(tmp_path / 'v.mkv', noise(4), stamps_ms=[700, 733, 900, 1011])
    assert [f.stamp for f in open_source(path)] == [0, 33_000_000, 200_000_000, 311_000_000]


def test_a_turned_video_is_shown_upright(tmp_path):
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, :16] = 255
    with av.open(str(tmp_path / 'r.mp4'), 'w') as out:
        stream = out.add_stream('libx264', rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 32, 'yuv420p'
        stream.set_display_rotation(90)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, 'bgr24')))
        out.mux(stream.encode(None))
    source = open_source(tmp_path / 'r.mp4')
    (frame,) = source
    assert source.size == (32, 64)
    assert frame.image[-8:].min() > 230  # counterclockwise: left becomes bottom
    assert frame.image[:40].max() < 20


@pytest.mark.parametrize(
    ('name', 'container'),
    [
        ('front.mp4', {'options': {'movflags': 'faststart'}}),
        ('tail.mkv', {}),
        ('tail.avi', {}),
        ('tail.ts', {}),
    ],
)
def test_a_clip_that_breaks_ends_and_says_so(tmp_path, name, container):
    source = open_source(encode(tmp_path / name, noise(30), **container))
    whole = [frame.image for frame in source]
    assert len(whole) == 30
    assert source.broken == ''
    broken = open_source(cut(tmp_path / name, 0.6))
    decoded = list(broken)
    assert 5 < len(decoded) < 25
    assert 'frame' in broken.broken
    assert '\n' not in broken.broken
    for frame in decoded:  # nothing half decoded comes out
        np.testing.assert_array_equal(frame.image, whole[frame.index])


def test_damage_within_a_clip_ends_it(tmp_path):
    path = encode(tmp_path / 'v.mp4', noise(30), options={'movflags': 'faststart'})
    data = bytearray(path.read_bytes())
    middle = len(data) * 6 // 10
    data[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    path.write_bytes(data)
    source = open_source(path)
    assert 5 < len(list(source)) < 25
    assert source.broken.startswith('frame ')


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('empty.mp4', b'', 'cannot be opened as a video'),
        ('noise.mp4', np.random.default_rng(1).bytes(20_000), 'cannot be opened as a video'),
        ('notes.txt', b'hello world\n' * 50, 'has no video stream'),
        ('code.py', b'print(1)\n', 'cannot be opened as a video'),
    ],
)
def test_files_that_are_no_video_are_refused_in_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        open_source(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_sound_alone_and_a_file_without_its_index_are_refused(tmp_path):
    with av.open(str(tmp_path / 'a.wav'), 'w') as out:
        stream = out.add_stream('pcm_s16le', rate=8000, layout='mono')
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout='mono')
        frame.rate = 8000
        out.mux(stream.encode(frame))
    with pytest.raises(SourceError, match=r'a\.wav has no video stream'):
        open_source(tmp_path / 'a.wav')
    with pytest.raises(SourceError, match=r'v\.mp4 cannot be opened as a video'):
        open_source(cut(encode(tmp_path / 'v.mp4', noise(10)), 0.5))


def test_folder_of_images_in_natural_order(tmp_path):
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.full((20, 30, 3), number, np.uint8))
    (tmp_path / 'notes.txt').write_text('not an image')
    source = open_source(tmp_path)
    frames = list(source)
    assert [int(f.image[0, 0, 0]) for f in frames] == [1, 2, 10]
    assert [f.stamp for f in frames] == [0, 100_000_000, 200_000_000]
    assert (source.size, source.rate, len(source), source.broken) == ((30, 20), 10.0, 3, '')


def test_grey_images_stay_grey_and_deep_ones_become_8_bit(tmp_path):
    cv2.imwrite(str(tmp_path / '1.png'), np.full((20, 30), 7, np.uint8))
    cv2.imwrite(str(tmp_path / '2.png'), np.full((20, 30), 7 * 257, np.uint16))
    frames = list(open_source(tmp_path))
    assert [f.encoding for f in frames] == ['mono8', 'mono8']
    assert [(f.image.shape, f.image.dtype, int(f.image[0, 0])) for f in frames] == [
        ((20, 30), np.uint8, 7),
        ((20, 30), np.uint8, 7),
    ]


def test_folder_ends_at_an_image_it_cannot_use(tmp_path):
    for number in range(4):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.zeros((20, 30, 3), np.uint8))
    cv2.imwrite(str(tmp_path / '3.png'), np.zeros((20, 31, 3), np.uint8))
    source = open_source(tmp_path)
    assert len(list(source)) == 3
    assert source.broken == '3.png is 31x20, the first image 30x20'
    (tmp_path / '1.png').write_bytes(b'no image')
    assert len(list(source)) == 1
    assert source.broken == '1.png cannot be decoded as an image'


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(SourceError, match='holds no images'):
        open_source(tmp_path)
    (tmp_path / 'a.mp4').touch()
    with pytest.raises(SourceError, match='it holds 1 videos, name one of them'):
        open_source(tmp_path)
    (tmp_path / 'a.png').write_bytes(b'no image')
    with pytest.raises(SourceError, match=r'a\.png cannot be decoded'):
        open_source(tmp_path)


def claiming(width: int, height: int) -> bytes:
    """Make a PNG of one pixel that claims another size."""
    data = cv2.imencode('.png', np.zeros((1, 1, 3), np.uint8))[1].tobytes()
    header = b'IHDR' + struct.pack('>II', width, height) + data[24:29]
    return data[:12] + header + struct.pack('>I', zlib.crc32(header)) + data[33:]


def test_pictures_that_claim_to_be_huge_are_not_believed(tmp_path):
    (tmp_path / '1.png').write_bytes(claiming(32768, 16384))  # half a billion: OpenCV would
    with pytest.raises(SourceError, match=r'1\.png cannot be decoded as an image'):
        open_source(tmp_path)
    cv2.imwrite(str(tmp_path / '0.png'), np.zeros((20, 30, 3), np.uint8))
    source = open_source(tmp_path)
    assert len(list(source)) == 1
    assert source.broken == '1.png cannot be decoded as an image'


def test_videos_of_more_pixels_than_8k_are_refused(tmp_path, monkeypatch):
    path = encode(tmp_path / 'a.mp4', noise(3))
    monkeypatch.setattr(clips_module, 'OPTIONS', {'max_pixels': '1000'})
    with pytest.raises(SourceError, match=r'a\.mp4'):
        open_source(path)


def test_real_clips_decode_whole():
    clips = sorted(CLIPS.glob('*.mp4'))
    if not clips:
        pytest.skip(f'no real clips at {CLIPS}')
    for clip in clips[:2]:
        source = open_source(clip)
        stamps = [frame.stamp for frame in source]
        assert source.broken == ''
        assert len(stamps) == len(source)
        assert np.diff(stamps).min() > 0
        assert np.diff(stamps).mean() == pytest.approx(1e9 / source.rate, rel=0.02)
