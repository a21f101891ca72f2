# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures on disk through OpenCV: single ones, and folders of them."""

from collections.abc import Iterator
from pathlib import Path
import re

import cv2
import numpy as np

from siammcvae_core.data.clips import VIDEO_SUFFIXES
from siammcvae_core.errors import SourceError
from siammcvae_core.frames import Frame, Source

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm')
NANO = 10**9


class ImageFolder(Source):
    """A folder of images in natural order (2.png before 10.png), `rate` frames per second.

    Grey images come as mono8, all others as bgr8 (16-bit ones scaled down, transparency dropped).
    An image that cannot be read or differs in size from the first ends the clip; `broken` names it.
    """

    def __init__(self, path: Path, rate: float = 10.0) -> None:
        self.name = path.name
        self.rate = rate
        self._files = sorted(
            (file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES),
            key=_natural,
        )
        if not self._files:
            videos = sum(file.suffix.lower() in VIDEO_SUFFIXES for file in path.iterdir())
            hint = f'; it holds {videos} videos, name one of them' if videos else ''
            raise SourceError(f'{path} holds no images and is no rosbag2 folder{hint}')
        first = read_picture(self._files[0])
        if first is None:
            raise SourceError(f'{self._files[0]} cannot be decoded as an image')
        self.size = (first.shape[1], first.shape[0])

    def __len__(self) -> int:
        """Count the images."""
        return len(self._files)

    def __iter__(self) -> Iterator[Frame]:
        """Read from the first image on."""
        self.broken = ''
        for index, file in enumerate(self._files):
            image = read_picture(file)
            if image is None:
                self.broken = f'{file.name} cannot be decoded as an image'
                return
            if (image.shape[1], image.shape[0]) != self.size:
                size, first = f'{image.shape[1]}x{image.shape[0]}', f'{self.size[0]}x{self.size[1]}'
                self.broken = f'{file.name} is {size}, the first image {first}'
                return
            encoding = 'mono8' if image.ndim == 2 else 'bgr8'
            yield Frame(index, round(index * NANO / self.rate), image, encoding)


def read_picture(file: Path, how: int = cv2.IMREAD_ANYCOLOR) -> np.ndarray | None:
    """Decode a picture, uint8; None where it cannot be. `how` is one of OpenCV's flags."""
    try:
        return cv2.imread(str(file), how)
    except cv2.error:  # for example where it declares to be larger than `LARGEST`
        return None


def _natural(file: Path) -> list[tuple[int, str]]:
    parts = re.split(r'(\d+)', file.name)
    return [(int(part), '') if part.isdecimal() else (-1, part) for part in parts]
