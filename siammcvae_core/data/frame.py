# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every way to read frames gives: `Frame`, and a `Source` of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


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
