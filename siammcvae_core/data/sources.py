# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Open any source of frames: a video, a folder of images, a bag or the rendered drive."""

from pathlib import Path

from siammcvae_core.data.bags import BAG_SUFFIXES, BagImages
from siammcvae_core.data.clips import VideoClip
from siammcvae_core.data.pictures import ImageFolder
from siammcvae_core.errors import SourceError
from siammcvae_core.frames import Source
from siammcvae_core.simulation.drive import DriveSim

SIMULATED = {'': False, 'sim': False, 'sim:night': True}


def open_source(path: str | Path | None, topic: str = '') -> Source:
    """Open a video file, a folder of images, a rosbag2 recording or the rendered drive.

    `path`: None, '' or 'sim' for the rendered drive, 'sim:night' for the same at night; else a
    rosbag2 folder, an .mcap or .db3 file, a folder of images, or a video file. `topic` picks the
    image topic of a bag that has several.

    Raises SourceError, one line, when there is nothing to read at `path`.
    """
    text = '' if path is None else str(path)
    if text in SIMULATED:
        return DriveSim(night=SIMULATED[text])
    path = Path(text).expanduser()
    try:
        return _open_path(path, topic)
    except OSError as error:
        raise SourceError(f'{path} cannot be read: {error.strerror}') from error


def _open_path(path: Path, topic: str) -> Source:
    if not path.exists():
        raise SourceError(f'no such file or folder: {path}')
    if path.suffix == '.bag':
        raise SourceError(f'{path} is a ROS 1 bag; convert it with rosbags-convert first')
    if path.suffix in BAG_SUFFIXES or (path.is_dir() and _holds_bag(path)):
        return BagImages(path, topic)
    return ImageFolder(path) if path.is_dir() else VideoClip(path)


def _holds_bag(folder: Path) -> bool:
    """Tell whether a folder is a rosbag2 recording, complete or not."""
    return (folder / 'metadata.yaml').exists() or any(
        entry.suffix in BAG_SUFFIXES for entry in folder.iterdir()
    )
