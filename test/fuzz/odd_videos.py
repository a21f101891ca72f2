# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Videos as they are in the wild: joined, turned, oblong, uneven, uncounted, and full of sound."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from fuzz.file_kind import FileKind, require, run
from fuzz.recordings import check, OUTPUT, pictures
from support.videos import INTRA, Make, masks, write_clip

from siammcvae_core.data.sources import open_source
from siammcvae_core.errors import InputError
from siammcvae_core.restore.__main__ import main

HALF = 3  # frames


def _turned(stream: av.VideoStream) -> None:
    stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
    stream.set_display_rotation(180, hflip=True)


def _tagged(stream: av.VideoStream) -> None:
    colours = stream.codec_context
    colours.colorspace, colours.color_range = 9, 2
    colours.color_primaries, colours.color_trc = 9, 16
    colours.sample_aspect_ratio = Fraction(10, 11)


MAKES = {
    'turned.mp4': Make(setup=_turned),
    'tagged.mkv': Make('ffv1', 'yuv420p10le', setup=_tagged),
    'repeated.mkv': replace(INTRA, times=[0, 100, 100, 200, 300, 300]),
    'uneven.avi': replace(INTRA, times=[0, 1, 5, 6, 20, 21], time_base=Fraction(1, 10)),
    'sound.mkv': Make(seconds_of_sound=1),
    'fragments.mp4': Make(options={'g': '2'}, muxing={'movflags': 'frag_keyframe+empty_moov'}),
    'raw.h264': Make(container='h264'),
    'interlaced.mpg': Make('mpeg2video', options={'flags': '+ildct+ilme'}, container='mpeg'),
}


def _write(folder: Path) -> None:
    frames = pictures(2 * HALF)
    for name, make in MAKES.items():
        write_clip(folder / name, frames, make)
    parts = [
        write_clip(folder / f'{half}.ts', frames[half:][:HALF], Make('mpeg2video'))
        for half in (0, HALF)
    ]
    (folder / '12:00 joined %d.ts').write_bytes(b''.join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()


def _write_with_masks(folder: Path) -> None:
    _write(folder)
    masks(folder / 'lost', 2 * HALF, [HALF])


def consume(path: Path) -> int:
    """Read a video to its end; return how many frames it has."""
    source = open_source(path)
    check(source)
    stamps = []
    for frame in source:
        require(frame.image.shape[1::-1] == source.size, f'frame of {frame.image.shape}')
        stamps.append(frame.stamp)
    require(stamps == sorted({*stamps}), f'times do not go on: {stamps}')
    require('\n' not in source.broken, f'broken in several lines: {source.broken}')
    return len(stamps)


def restore(folder: Path, target: Path) -> None:
    """Restore a video with motion alone; the output has as many frames."""
    out = folder / ('restored.mp4' if target.suffix == '.mkv' else 'restored.mkv')
    arguments = [str(target), str(out), '--mask', str(folder / 'lost'), '--weights', 'none']
    try:
        run(main, arguments)
    except InputError as error:
        if 'ends early' not in str(error):
            raise
    frames, restored = consume(target), consume(out)
    require(frames == restored, f'{restored} of {frames} frames are restored')


KINDS = (
    FileKind('odd video', _write, lambda folder, target: consume(target) and None),
    FileKind(
        'restore, odd video',
        _write_with_masks,
        restore,
        targets=('*.*',),
        leaves=OUTPUT,
        named=('lost',),
    ),
)
