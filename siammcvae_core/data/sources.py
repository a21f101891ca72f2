# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Open any source of frames: a video, a folder of images, a bag or the rendered drive."""

from pathlib import Path
import re

from siammcvae_core.data.bags import BagImages
from siammcvae_core.data.clips import VideoClip
from siammcvae_core.data.mask_clip import MaskClip
from siammcvae_core.data.pictures import IMAGE_SUFFIXES, ImageFolder, MaskFolder
from siammcvae_core.data.recording import is_recording, METADATA
from siammcvae_core.errors import SourceError
from siammcvae_core.files import expand_user
from siammcvae_core.frames import Source
from siammcvae_core.simulation.drive import DriveSim

SIMULATED = re.compile(r'sim(?P<night>:night)?(:(?P<seed>\d{1,9}))?', re.ASCII)
"""Names of rendered drives: 'sim', 'sim:night', and with a seed 'sim:1', 'sim:night:1'."""


def open_source(path: str | Path | None, topic: str = '') -> Source:
    """Open a video file, a folder of images, a rosbag2 recording or the rendered drive.

    `path`: None, '' or 'sim' for the rendered drive, 'sim:night' for the same at night, 'sim:1' and
    'sim:night:1' for those of seed 1; else a rosbag2 folder, an .mcap or .db3 file, a folder of
    images, or a video file. `topic` picks the image topic of a bag that has several.

    Raises SourceError, one line, when there is nothing to read at `path`.
    """
    text = '' if path is None else str(path)
    drive = SIMULATED.fullmatch(text or 'sim')
    if drive:
        return DriveSim(night=bool(drive['night']), seed=int(drive['seed'] or 0))
    try:
        path = existing(text)
        if is_recording(path):
            return BagImages(path, topic)
        return ImageFolder(path) if path.is_dir() else VideoClip(path)
    except OSError as error:
        raise SourceError(f'{text} cannot be read: {error.strerror}') from error


def is_simulated(name: str) -> bool:
    """Tell whether `open_source` takes a name for a rendered drive.

    >>> is_simulated(''), is_simulated('sim:night:2'), is_simulated('sim.mp4')
    (True, True, False)
    """
    return not name or bool(SIMULATED.fullmatch(name))


def open_masks(text: str) -> Source:
    """Open the masks of a video: a video, a folder of pictures, or a single picture.

    Frames are 0 where intact: whatever is not black is lost. Raises SourceError, one line, when
    there is nothing to read at `text`.
    """
    try:
        path = existing(text)
        if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
            return MaskFolder(path)
        return MaskClip(path)
    except OSError as error:
        raise SourceError(f'{text} cannot be read: {error.strerror}') from error


def existing(text: str | Path) -> Path:
    """Return the path of a recording; a bag may be named by its metadata.yaml.

    Raises SourceError where there is nothing, or a ROS 1 bag.
    """
    path = expand_user(text)
    if not path.exists():
        raise SourceError(f'no such file or folder: {path}')
    if path.suffix == '.bag' and path.is_file():
        raise SourceError(f'{path} is a ROS 1 bag; convert it with rosbags-convert first')
    return path.parent if path.name == METADATA else path
