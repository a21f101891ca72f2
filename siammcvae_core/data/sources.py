# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One way to read frames, whatever they are stored in: `open_source` and what it returns."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from siammcvae_core.errors import SourceError

BAG_SUFFIXES = ('.mcap', '.db3')
SIMULATED = {'': False, 'sim': False, 'sim:night': True}


@dataclass(frozen=True, eq=False)
class Frame:
    """One camera frame of a source.

    `index` counts from 0; `stamp` is in nanoseconds: the header stamp where the source is
    `stamped`, else the time since the first frame. `image` is uint8, (H, W, C) or (H, W), laid out
    as the ROS `encoding` says; out of a bag it is read-only and its rows may be padded.
    """

    index: int
    stamp: int
    image: np.ndarray
    encoding: str = 'bgr8'
    frame_id: str = 'camera'


class Source(Protocol):
    """Frames in order of time; every iteration decodes anew from the start."""

    name: str
    size: tuple[int, int]
    """Width and height in pixels of the first frame."""
    rate: float
    """Nominal frames per second."""
    stamped: bool = False
    """Whether frames carry recorded stamps (a bag) or the time since the first frame."""
    broken: str = ''
    """Why the last iteration ended early; '' when it reached the end."""

    def __len__(self) -> int:
        """Count the frames as far as known without decoding them all."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Decode from the first frame on; ends at damaged data, telling so in `broken`."""
        ...

    def camera_info(self) -> object | None:
        """Return an object with the fields of sensor_msgs/CameraInfo, or None.

        Only height, width, distortion_model, d, k, r and p are sure to be there.
        """
        return None


def open_source(path: str | Path | None, topic: str = '') -> Source:
    """Open a video file, a folder of images, a rosbag2 recording or the rendered drive.

    `path`: None, '' or 'sim' for the rendered drive, 'sim:night' for the same at night; else a
    rosbag2 folder, an .mcap or .db3 file, a folder of images, or a video file. `topic` picks the
    image topic of a bag that has several.

    Raises SourceError, one line, when there is nothing to read at `path`.
    """
    text = '' if path is None else str(path)
    if text in SIMULATED:
        from siammcvae_core.data.drive_sim import DriveSim

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
        from siammcvae_core.data.bags import BagImages

        return BagImages(path, topic)
    from siammcvae_core.data.clips import ImageFolder, VideoClip

    return ImageFolder(path) if path.is_dir() else VideoClip(path)


def _holds_bag(folder: Path) -> bool:
    """Tell whether a folder is a rosbag2 recording, complete or not."""
    return (folder / 'metadata.yaml').exists() or any(
        entry.suffix in BAG_SUFFIXES for entry in folder.iterdir()
    )
