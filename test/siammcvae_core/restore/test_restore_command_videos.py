# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restore command on videos as they are in the wild: looks, times, counts, sizes and names."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from support.videos import INTRA, Make, masks, pictures, write_clip

from siammcvae_core.data.sources import open_source
from siammcvae_core.frames import Frame
from siammcvae_core.restore.__main__ import main

COUNT, LOST = 8, 4
MOTION = ('--weights', 'none')
OUTS = pytest.mark.parametrize('out', ['out.mkv', 'out.mp4'])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, in which file names are short and strange."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def restored(video: Path, out: str, lost: Path, status: int = 0) -> list[Frame]:
    assert main([f'./{video.name}', f'./{out}', '--mask', str(lost), *MOTION]) == status
    assert not Path(f'{out}.partial').exists()
    return list(open_source(out))


MAKES = {
    'repeated.mkv': replace(INTRA, times=[0, 100, 100, 100, 200, 300, 300, 400]),
    'standing.avi': replace(INTRA, times=[0, 1, 2, 3, 4, 5, 6, 7], time_base=Fraction(1, 10)),
    'microseconds.nut': replace(INTRA, times=range(8), time_base=Fraction(1, 10**6)),
    'back.mkv': replace(INTRA, times=[500, 600, 700, 800, 801, 801, 801, 801]),
    'far.mkv': replace(INTRA, times=[0, 100, 200, 300, 10**10, 10**10 + 1, 10**10 + 2, 10**10 + 3]),
    'b_frames.avi': Make(options={'bf': '2'}),
    'raw.h264': Make(container='h264'),
    'sound.mkv': Make(seconds_of_sound=5),
    'time_lapse.mov': replace(INTRA, times=range(0, 80_000, 10_000)),
}


@OUTS
@pytest.mark.parametrize('name', MAKES)
def test_every_frame_is_written_and_time_goes_on(folder: Path, name: str, out: str) -> None:
    video = write_clip(folder / name, pictures(COUNT), MAKES[name])
    frames = restored(video, out, masks(folder / 'lost', COUNT, [LOST]))
    assert len(frames) == COUNT
    originals = list(open_source(video))
    assert np.all(np.diff([frame.stamp for frame in originals]) > 0)
    for frame, original in zip(frames, originals, strict=True):
        assert abs(frame.stamp - original.stamp) <= 8_000_000
        if original.index != LOST:
            assert np.abs(frame.image.astype(int) - original.image).mean() < 6


@OUTS
def test_joined_files_are_restored_as_one(folder: Path, out: str) -> None:
    make = Make('mpeg2video')
    frames = pictures(COUNT)
    parts = [write_clip(folder / f'{k}.ts', frames[k : k + 4], make) for k in (0, 4)]
    video = folder / 'joined.ts'
    video.write_bytes(b''.join(part.read_bytes() for part in parts))
    output = restored(video, out, masks(folder / 'lost', COUNT, [LOST]))
    assert [frame.stamp // 10**6 for frame in output] == [100 * k for k in range(COUNT)]


def test_counts_that_differ_are_both_named(folder: Path, capsys: pytest.CaptureFixture) -> None:
    video = write_clip(folder / 'a.mkv', pictures(COUNT), Make(seconds_of_sound=3))
    for number in (COUNT - 1, COUNT + 1, 30):
        lost = masks(folder / f'lost{number}', number, [2])
        assert main([str(video), 'out.mkv', '--mask', str(lost), *MOTION]) == 2
        error = capsys.readouterr().err
        assert error == f'restore: a.mkv has {COUNT} frames, its mask {number}: {lost.name}\n'
        assert not Path('out.mkv').exists()


def test_more_masks_than_a_trimmed_video_shows_are_refused(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    make = replace(INTRA, times=[100 * (number - 2) for number in range(COUNT)])
    video = write_clip(folder / 'a.mp4', pictures(COUNT), make)
    assert main([str(video), 'out.mp4', '--mask', str(masks(folder / 'lost')), *MOTION]) == 2
    assert capsys.readouterr().err == 'restore: a.mp4 has 6 frames, its mask 8: lost\n'
    assert len(restored(video, 'out.mkv', masks(folder / 'lost6', 6))) == 6


def test_repeated_times_go_on_from_part_to_part(folder: Path) -> None:
    make = replace(INTRA, times=[100 * (number // 3) for number in range(70)])
    video = write_clip(folder / 'a.mkv', pictures(70), make)
    output = restored(video, 'out.mp4', masks(folder / 'lost', 70))
    assert [f.stamp // 10**6 for f in output] == [100 * (n // 3) + n % 3 for n in range(70)]


def test_a_mask_may_be_a_video_without_a_count(folder: Path) -> None:
    video = write_clip(folder / 'a.ts', pictures(COUNT), Make('mpeg2video'))
    lost = [frame.image for frame in open_source(masks(folder / 'lost', COUNT, [LOST]))]
    three = [np.dstack([mask] * 3) for mask in lost]
    mask = write_clip(folder / 'lost.mkv', three, Make('ffv1', 'bgr0', seconds_of_sound=2))
    assert len(restored(video, 'out.mkv', mask)) == COUNT


@OUTS
def test_what_comes_before_a_change_of_size_is_written(
    folder: Path, out: str, capsys: pytest.CaptureFixture
) -> None:
    parts = [
        write_clip(folder / 'a.ts', pictures(5), Make()),
        write_clip(folder / 'b.ts', pictures(3, 32, 96), Make()),
    ]
    video = folder / 'joined.ts'
    video.write_bytes(b''.join(part.read_bytes() for part in parts))
    output = restored(video, out, masks(folder / 'lost', COUNT, [3]), status=1)
    assert len(output) == 5
    error = capsys.readouterr().err
    assert 'ends early: frame 5 is 96x32, those before are 64x48' in error


@OUTS
@pytest.mark.parametrize('aspect', [Fraction(4, 3), Fraction(10, 11), Fraction(64, 45)])
@pytest.mark.parametrize(('degrees', 'hflip'), [(0, False), (90, False), (0, True), (270, True)])
def test_geometry_is_kept(
    folder: Path, out: str, aspect: Fraction, degrees: int, hflip: bool
) -> None:
    def setup(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = aspect
        stream.set_display_rotation(degrees, hflip=hflip)

    size = (64, 48) if degrees else (48, 64)
    video = write_clip(folder / 'a.mp4', pictures(2), Make(setup=setup))
    (first, _) = restored(video, out, masks(folder / 'lost', 2, [1], size=size))
    assert first.image.shape[:2] == size
    with av.open(out) as container:
        stream = container.streams.video[0]
        assert stream.sample_aspect_ratio == (1 / aspect if degrees else aspect)
        assert next(container.decode(stream)).side_data.get('DISPLAYMATRIX') is None
    original = next(iter(open_source(video))).image
    assert np.abs(first.image.astype(int) - original).mean() < 6


@pytest.mark.parametrize(
    ('height', 'tags', 'written'),
    [
        (720, {}, (1, 1, 1, 1)),
        (240, {}, (6, 1, 1, 1)),
        (576, {}, (6, 1, 5, 1)),
        (720, {'colorspace': 6}, (6, 1, 1, 1)),
        (240, {'colorspace': 1, 'color_primaries': 1}, (1, 1, 1, 1)),
        (240, {'colorspace': 9, 'color_primaries': 9, 'color_trc': 16}, (9, 1, 9, 16)),
        (240, {'colorspace': 7, 'color_primaries': 7, 'color_trc': 7}, (7, 1, 7, 7)),
        (240, {'color_range': 2}, (6, 2, 1, 1)),
        (720, {'color_range': 2, 'colorspace': 9}, (9, 2, 1, 1)),
    ],
)
@OUTS
def test_kept_colours_look_as_before(
    folder: Path, out: str, height: int, tags: dict[str, int], written: tuple[int, ...]
) -> None:
    def setup(stream: av.VideoStream) -> None:
        for name, code in tags.items():
            setattr(stream.codec_context, name, code)

    frames = [np.repeat(frame[:1], height, 0) for frame in pictures(2)]
    make = Make(options={'crf': '4'}, setup=setup)
    video = write_clip(folder / 'a.mp4', frames, make)
    original = next(iter(open_source(video))).image
    lost = masks(folder / 'lost', 2, [1], size=(height, 64))
    shown = restored(video, out, lost)[0].image.astype(int)
    with av.open(out) as container:
        frame = next(container.decode(video=0))
        seen = (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc)
    if out == 'out.mkv':
        assert np.array_equal(shown, original)
        assert seen == (0, 2, *written[2:])
    else:
        assert np.abs(shown - original).mean() < 3
        assert abs((shown - original).mean()) < 2.5  # no shift but by rounding
        assert seen == written


@pytest.mark.parametrize(
    'name', ['12:30:05', 'file:x', 'concat:a|b', 'a b "ü" \'q\'', 'img%03d', '-', 'pipe:1']
)
@OUTS
def test_any_file_name_will_do(folder: Path, name: str, out: str) -> None:
    video = write_clip(folder / f'{name}.mkv', pictures(2))
    lost = masks(folder / f'{name}_lost', 2, [1])
    assert len(restored(video, f'{name}_{out}', lost)) == 2


@pytest.mark.parametrize(
    ('make', 'dropped'),
    [
        (Make(pixels='yuv420p10le'), '10 bits a sample'),
        (Make('ffv1', 'yuva420p'), 'transparency'),
        (Make('ffv1', 'bgra'), 'transparency'),
        (Make('ffv1', 'gray16le'), '16 bits a sample'),
        (Make(options={'x264-params': 'tff=1'}), 'interlacing'),
        (Make('mpeg2video', options={'flags': '+ildct+ilme'}), 'interlacing'),
        (Make('libvpx-vp9', 'yuva420p'), 'transparency'),
        (Make('ffv1', 'bgr0'), ''),
    ],
)
def test_what_is_not_kept_is_said(
    folder: Path, make: Make, dropped: str, capsys: pytest.CaptureFixture
) -> None:
    video = write_clip(folder / 'a.mkv', pictures(2), make)
    assert len(restored(video, 'out.mkv', masks(folder / 'lost', 2, [1]))) == 2
    said = f'restore: out.mkv will not hold {dropped} of a.mkv\n' if dropped else ''
    assert capsys.readouterr().err == said


def test_suffixes_may_be_in_capitals(folder: Path) -> None:
    video = write_clip(folder / 'a.mkv', pictures(2), INTRA)
    lost = masks(folder / 'lost', 2, [1])
    for out in ('OUT.MKV', 'Out.Mp4'):
        assert len(restored(video, out, lost)) == 2


def test_a_link_to_nowhere_is_a_frame_that_cannot_be_read(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    frames = folder / 'frames'
    frames.mkdir()
    for number, picture in enumerate(pictures(4)):
        cv2.imwrite(str(frames / f'{number}.png'), picture)
    (frames / '2.png').unlink()
    (frames / '2.png').symlink_to(folder / 'gone.png')
    (frames / '0b.png').mkdir()
    out = restored(frames, 'out.mkv', masks(folder / 'lost', 4, [1]), status=1)
    assert len(out) == 2
    assert '2.png cannot be decoded as an image' in capsys.readouterr().err


def test_other_video_streams_are_said_to_be_left_out(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    with av.open('two.mkv', 'w') as container:
        streams = [container.add_stream('mjpeg', rate=10) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuvj420p'
        for number, picture in enumerate(pictures(2)):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(picture, 'bgr24').reformat(format='yuvj420p')
                frame.pts, frame.time_base = number, Fraction(1, 10)
                container.mux(stream.encode(frame))
    assert len(restored(Path('two.mkv'), 'out.mkv', masks(folder / 'lost', 2, [1]))) == 2
    said = 'restore: out.mkv will not hold all but the first video stream of two.mkv\n'
    assert capsys.readouterr().err == said


def test_a_recording_may_be_named_as_the_rendered_drive_is(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    lost = masks(folder / 'lost', 2, [1])
    assert main(['sim', 'out.mkv', '--mask', str(lost), *MOTION]) == 2
    assert capsys.readouterr().err == 'restore: no such file or folder: sim\n'
    frames = masks(folder / 'sim', 2, [])
    out = restored(frames, 'out.mkv', lost)
    assert [frame.image.shape[:2] for frame in out] == [(48, 64)] * 2
