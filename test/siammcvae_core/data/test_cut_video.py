# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A video without its end is never taken for a whole one, in formats FFmpeg does not check."""

from dataclasses import replace
from pathlib import Path
import struct

import pytest
from support.videos import INTRA, Make, pictures, write_clip

from siammcvae_core.data.clips import VideoClip
from siammcvae_core.data.cut_video import missing_bytes

MAKES = {
    'a.avi': INTRA,
    'a.mkv': INTRA,
    'b_frames.mkv': Make(options={'bf': '2'}),
    'a.webm': Make('libvpx-vp9'),
}


def read(path: Path) -> tuple[int, str]:
    clip = VideoClip(path)
    return sum(1 for _ in clip), clip.broken


@pytest.mark.parametrize('name', MAKES)
def test_a_cut_is_found_within_the_last_second(name: str, tmp_path: Path) -> None:
    video = write_clip(tmp_path / name, pictures(8), MAKES[name])
    assert read(video) == (8, '')
    content = video.read_bytes()
    short = tmp_path / f'short_{name}'
    for cut in (9, 50, 100):
        short.write_bytes(content[:-cut])
        frames, broken = read(short)
        assert 0 < frames <= 8
        assert broken
        assert missing_bytes(short) == cut


def test_a_live_recording_does_not_say_where_it_ends(tmp_path: Path) -> None:
    live = replace(INTRA, muxing={'live': '1'})
    video = write_clip(tmp_path / 'live.mkv', pictures(8), live)
    assert read(video) == (8, '')
    video.write_bytes(video.read_bytes()[:-50])
    assert missing_bytes(video) == 0


def test_an_avi_may_go_on_in_lists_of_a_gigabyte_each(tmp_path: Path) -> None:
    def riff(kind: bytes, size: int) -> bytes:
        return b'RIFF' + struct.pack('<I', size) + kind + bytes(size - 4)

    video = tmp_path / 'a.avi'
    video.write_bytes(riff(b'AVI ', 100) + riff(b'AVIX', 60))
    assert missing_bytes(video) == 0
    video.write_bytes(video.read_bytes()[:-9])
    assert missing_bytes(video) == 9


@pytest.mark.parametrize('size', [0, 2**32 - 1, 108], ids=['killed', 'pipe', 'size of the file'])
def test_what_recorders_state_wrongly_is_no_cut(size: int, tmp_path: Path) -> None:
    video = tmp_path / 'a.avi'
    video.write_bytes(b'RIFF' + struct.pack('<I', size) + b'AVI ' + bytes(96))
    assert missing_bytes(video) == 0


@pytest.mark.parametrize(
    'content', [b'', b'RIFF', b'\x1a\x45\xdf\xa3', bytes.fromhex('1a45dfa380 18538067'), bytes(64)]
)
def test_what_has_no_size_lacks_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / 'a').write_bytes(content)
    assert missing_bytes(tmp_path / 'a') == 0
