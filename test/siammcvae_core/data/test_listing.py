# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What desktops and archivers leave in folders is neither a frame nor a mask nor a bag."""

from pathlib import Path
import shutil

import cv2
import numpy as np
import pytest

from siammcvae_core.data.layouts import find_clips
from siammcvae_core.data.listing import visible
from siammcvae_core.data.recording import is_recording
from siammcvae_core.data.sources import open_masks, open_source
from siammcvae_core.errors import SourceError

LEFT_BEHIND = ('._0001.png', '.DS_Store', 'Thumbs.db', 'desktop.ini', '.0002.png', '._bag.mcap')


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / 'drive' / 'frames'
    folder.mkdir(parents=True)
    for number in (1, 2, 10):
        cv2.imwrite(str(folder / f'{number}.png'), np.full((8, 8), number, np.uint8))
    for name in LEFT_BEHIND:
        (folder / name).write_bytes(b'\0\x05\x16\x07')
    copies = tmp_path / 'drive' / '__MACOSX' / 'frames'
    copies.mkdir(parents=True)
    for name in ('1.png', '2.png'):
        shutil.copy(folder / name, copies / name)
    return folder


def test_frames_and_masks(frames: Path) -> None:
    assert [frame.image[0, 0] for frame in open_source(frames)] == [1, 2, 10]
    masks = open_masks(str(frames))
    assert len(masks) == len(list(masks)) == 3
    assert not masks.broken
    assert [file.name for file in visible(frames)] == ['1.png', '2.png', '10.png']


def test_clips(frames: Path) -> None:
    assert [clip.name for clip in find_clips(str(frames.parent))] == ['frames']


@pytest.mark.parametrize('name', LEFT_BEHIND)
def test_a_folder_of_nothing_else_is_empty(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b'\0')
    assert not is_recording(tmp_path)
    with pytest.raises(SourceError, match='holds no images'):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ('image', 'note'),
    [
        (np.zeros((8, 8), np.uint8), ''),
        (np.zeros((8, 8, 3), np.uint16), 'uint16 samples'),
        (np.zeros((8, 8, 4), np.uint8), 'transparency'),
    ],
)
def test_what_is_lost_in_reading_pictures_is_noted(
    image: np.ndarray, note: str, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / '1.png'), image)
    source = open_source(tmp_path)
    assert note in source.note
    assert bool(source.note) == bool(note)


@pytest.mark.parametrize(
    ('image', 'note'), [(np.uint16, 'uint16 samples'), (np.uint8, 'transparency')]
)
@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_a_later_picture_that_is_not_read_as_stored_is_noted(
    image: type, note: str, suffix: str, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / f'1{suffix}'), np.zeros((8, 8, 3), np.uint8))
    cv2.imwrite(str(tmp_path / f'2{suffix}'), np.zeros((8, 8, 4), image))
    source = open_source(tmp_path)
    assert source.note == ''
    assert len(list(source)) == 2
    assert f'2{suffix} has {note}' in source.note
