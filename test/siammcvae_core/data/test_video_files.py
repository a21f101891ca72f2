# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Videos as they are in the wild: counts, geometry, sound, sizes and names."""

from dataclasses import replace
from fractions import Fraction
import os
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from support.videos import INTRA, Make, pictures, write_clip

from siammcvae_core.data.clips import write_video
from siammcvae_core.data.sources import open_source

MAKES = {
    'a.mkv': Make(),
    'sound.mkv': Make(seconds_of_sound=4),
    'sound.mp4': Make(seconds_of_sound=4),
    'short_sound.mov': Make(seconds_of_sound=0.3),
    'uneven.mkv': replace(INTRA, times=[0, 10, 20, 1000, 1010, 5000, 5010, 9000]),
    'a.webm': Make('libvpx', options={'auto-alt-ref': '1', 'lag-in-frames': '5'}),
    'a.ts': Make(options={'bf': '2'}),
    'a.m2ts': Make('mpeg2video'),
    'a.flv': Make(),
    'raw.h264': Make(container='h264'),
    'raw.m2v': Make('mpeg2video', container='mpeg2video'),
    'fragments.mp4': Make(
        options={'g': '2'}, muxing={'movflags': 'frag_keyframe+empty_moov+default_base_moof'}
    ),
    'interlaced.mkv': Make(options={'x264-params': 'tff=1'}),
    'interlaced.ts': Make('mpeg2video', options={'flags': '+ildct+ilme'}),
    'b_frames.avi': Make('mpeg4', options={'bf': '2'}),
}


@pytest.mark.parametrize('name', MAKES)
@pytest.mark.parametrize('count', [3, 8])
def test_frames_are_counted_and_decoded_to_the_last(tmp_path: Path, name: str, count: int) -> None:
    make = replace(MAKES[name], times=MAKES[name].times[:count])
    source = open_source(write_clip(tmp_path / name, pictures(count), make))
    assert len(source) == count
    frames = list(source)
    assert len(frames) == count
    assert source.broken == ''
    stamps = [frame.stamp for frame in frames]
    assert stamps[0] == 0
    assert np.all(np.diff(stamps) > 0)
    if make.times:
        assert stamps == [time * 10**6 for time in make.times]


@pytest.mark.parametrize(
    'name', ['a.mkv', 'a.webm', 'a.flv', 'raw.h264', 'fragments.mp4', 'sound.mkv']
)
def test_a_video_may_have_a_single_frame(tmp_path: Path, name: str) -> None:
    source = open_source(write_clip(tmp_path / name, pictures(1), MAKES[name]))
    assert [frame.stamp for frame in source] == [0]
    assert (len(source), source.broken) == (1, '')


def joined(folder: Path, suffix: str, *clips: list[np.ndarray], make: Make) -> Path:
    """Write clips and join the files byte by byte, as people do with those of dash cameras."""
    path = folder / f'joined{suffix}'
    parts = [write_clip(folder / f'{n}{suffix}', clip, make) for n, clip in enumerate(clips)]
    path.write_bytes(b''.join(part.read_bytes() for part in parts))
    return path


@pytest.mark.parametrize(
    ('suffix', 'make'),
    [('.ts', Make('mpeg2video')), ('.ts', Make(options={'bf': '2'})), ('.mpg', Make('mpeg2video'))],
)
def test_time_goes_on_where_files_are_joined(tmp_path: Path, suffix: str, make: Make) -> None:
    frames = pictures(12)
    if suffix == '.mpg':
        make = replace(make, container='mpeg')
    source = open_source(joined(tmp_path, suffix, frames[:5], frames[5:9], frames[9:], make=make))
    stamps = [frame.stamp // 10**6 for frame in source]
    assert source.broken == ''
    assert len(stamps) == len(source) == 12
    assert stamps == [100 * k for k in range(12)]


def test_time_goes_on_where_the_clock_of_mpeg_wraps(tmp_path: Path) -> None:
    start = 2**33 - 90000 * 70 - 4500  # FFmpeg sees a wrap within a minute itself
    times = [start + 90000 * 9 * k for k in range(10)]
    make = Make('mpeg2video', times=times, time_base=Fraction(1, 90000))
    source = open_source(write_clip(tmp_path / 'a.ts', pictures(10), make))
    assert [frame.stamp // 10**6 for frame in source] == [9000 * k for k in range(10)]
    assert source.broken == ''


@pytest.mark.parametrize('suffix', ['.ts', '.h264'])
@pytest.mark.parametrize('size', [(32, 64), (48, 96), (64, 48)])
def test_a_clip_ends_where_its_size_changes(
    tmp_path: Path, suffix: str, size: tuple[int, int]
) -> None:
    make = Make(container='h264') if suffix == '.h264' else Make()
    other = pictures(4, *size)
    source = open_source(joined(tmp_path, suffix, pictures(5), other, pictures(3), make=make))
    assert len(list(source)) == 5
    assert source.broken == f'frame 5 is {size[1]}x{size[0]}, those before are 64x48'
    assert len(source) == 12


TURNS = [(degrees, h, v) for degrees in (0, 90, 180, 270) for h in (0, 1) for v in (0, 1)]


@pytest.mark.parametrize(
    ('name', 'turn'),
    [
        *((name, turn) for name in ('a.mp4', 'a.mov') for turn in TURNS),
        *(('a.mkv', turn) for turn in TURNS if turn[1:] == (0, 0)),  # FFmpeg writes no others
    ],
)
def test_rotations_and_reflections_are_shown_as_players_do(
    tmp_path: Path, name: str, turn: tuple[int, int, int]
) -> None:
    degrees, hflip, vflip = turn
    corner = np.zeros((48, 96, 3), np.uint8)
    corner[:16, :32], corner[-16:, -48:] = 255, 120
    rotated = np.rot90(corner, degrees // 90)
    expected = rotated[:: -1 if vflip else 1, :: -1 if hflip else 1]

    def setup(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.set_display_rotation(degrees, hflip=bool(hflip), vflip=bool(vflip))

    source = open_source(write_clip(tmp_path / name, [corner], Make(setup=setup)))
    (frame,) = source
    assert source.size == expected.shape[1::-1]
    assert np.abs(frame.image.astype(int) - expected).mean() < 8
    assert frame.image.flags.c_contiguous
    assert source.aspect == (Fraction(3, 4) if degrees % 180 else Fraction(4, 3))


NAMES = [
    '12:30:05.mp4', 'file:x.mp4', 'concat:a|b.ts', 'http:x.mkv', '-.mp4', 'a b.mp4', 'ünder.mp4',
    '"quoted" \'name\'.mp4', 'img%03d.mp4', '%d.mkv', 'pipe:0.mp4', 'a#t=1?x&y.mp4',
    os.fsdecode(b'latin\xfc.mp4'), 'file:///x.mp4'.replace('/', '_'),
]  # fmt: skip


@pytest.mark.parametrize('name', NAMES)
def test_any_file_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with write_video(Path(name).with_suffix('.mp4'), 10) as append:
        for frame in pictures(4):
            append(frame)
    Path(name).with_suffix('.mp4').rename(name)
    assert len(list(open_source(name))) == 4


def test_a_number_in_the_name_of_a_picture_is_no_pattern(tmp_path: Path) -> None:
    for name, level in (('a%02d.png', 50), ('a00.png', 100), ('a01.png', 150)):
        cv2.imwrite(str(tmp_path / name), np.full((48, 64, 3), level, np.uint8))
    (frame,) = open_source(tmp_path / 'a%02d.png')
    assert frame.image.max() == 50


def test_other_streams_are_left_alone(tmp_path: Path) -> None:
    with av.open(str(tmp_path / 'a.mkv'), 'w') as out:
        stream = out.add_stream('libx264', rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        out.add_attachment('notes.txt', 'text/plain', b'hello')
        for frame in pictures(4):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, 'bgr24')))
        out.mux(stream.encode(None))
    source = open_source(tmp_path / 'a.mkv')
    assert len(list(source)) == len(source) == 4
    assert source.broken == ''


@pytest.mark.parametrize('cut', [1, 3])
def test_what_an_edit_list_cuts_off_is_not_counted(tmp_path: Path, cut: int) -> None:
    times = [100 * (number - cut) for number in range(8)]
    source = open_source(write_clip(tmp_path / 'a.mp4', pictures(8), replace(INTRA, times=times)))
    assert [frame.stamp // 10**6 for frame in source] == [100 * k for k in range(8 - cut)]
    assert source.count_packets() == 8 - cut
    assert source.broken == ''
