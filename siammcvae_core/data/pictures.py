# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures on disk through OpenCV: single ones, and folders of them."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from siammcvae_core.data.clips import VIDEO_SUFFIXES
from siammcvae_core.data.compressed_images import is_cut_png
from siammcvae_core.data.listing import visible
from siammcvae_core.data.mask_clip import check_alpha
from siammcvae_core.data.masks import picture_mask
from siammcvae_core.errors import SourceError
from siammcvae_core.frames import format_size, Frame, Source

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm')
HIDDEN_ALPHA = ('.png', '.bmp', '.tif', '.tiff')
"""Pictures whose alpha OpenCV does not always tell."""
NANO = 10**9


class ImageFolder(Source):
    """A folder of images in natural order (2.png before 10.png), `rate` frames per second.

    Grey images come as mono8, all others as bgr8 (16-bit ones scaled down, transparency dropped).
    An image that cannot be read or differs in size from the first ends the clip; `broken` names it.
    """

    def __init__(self, path: Path, rate: float = 10.0) -> None:
        files = visible(path)
        pictures = [
            file for file in files if file.suffix.lower() in IMAGE_SUFFIXES and not file.is_dir()
        ]
        if not pictures:
            videos = sum(file.suffix.lower() in VIDEO_SUFFIXES for file in files)
            hint = f'; it holds {videos} videos, name one of them' if videos else ''
            raise SourceError(f'{path} holds no images and is no rosbag2 folder{hint}')
        self._open(path, pictures, rate)

    def _open(self, path: Path, pictures: list[Path], rate: float) -> None:
        self.name, self.rate, self._files = path.name, rate, pictures
        first = self._read(self._files[0])
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
            image = self._read(file)
            if image is None:
                self.broken = f'{file.name} cannot be decoded as an image'
                return
            if (image.shape[1], image.shape[0]) != self.size:
                size, first = format_size(image.shape[:2]), format_size(self.size[::-1])
                self.broken = f'{file.name} is {size}, the first image {first}'
                return
            encoding = 'mono8' if image.ndim == 2 else 'bgr8'
            yield Frame(index, round(index * NANO / self.rate), image, encoding)

    def _read(self, file: Path) -> np.ndarray | None:
        """Decode a picture; None where it cannot be. Notes the first that is stored otherwise."""
        image = read_picture(file)
        if image is not None and not self.note and (kind := _beyond_8_bits(file)):
            self.note = f'{file} has {kind}: the pictures are read as 8 bits, without alpha'
        return image


class MaskFolder(ImageFolder):
    """A folder of fault masks, or a single one: mono8, 0 where black, 255 where not.

    Raises SourceError for a picture in which it cannot be told what is lost.
    """

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            super().__init__(path)
        else:
            self._open(path, [path], 10.0)

    def _read(self, file: Path) -> np.ndarray | None:
        """Read a mask whole, whatever its depth."""
        lost = picture_mask(file)
        if lost is not None and file.suffix.lower() in HIDDEN_ALPHA:
            check_alpha(file)
        return None if lost is None else lost.view(np.uint8) * np.uint8(255)


def _beyond_8_bits(file: Path) -> str:
    """Say what grey or BGR of 8 bits does not hold of a picture; '' if it holds all."""
    suffix = file.suffix.lower()
    if suffix in ('.jpg', '.jpeg'):
        return ''
    if suffix == '.png':
        with file.open('rb') as opened:
            head = opened.read(4096).partition(b'IDAT')[0]
        deep, clear = head[24:25] == b'\x10', head[25:26] in (b'\4', b'\6') or b'tRNS' in head
        return 'uint16 samples' if deep else 'transparency' if clear else ''
    stored = read_picture(file, cv2.IMREAD_UNCHANGED)
    if stored is None or (stored.dtype == np.uint8 and stored.shape[2:] != (4,)):
        return ''
    return 'transparency' if stored.dtype == np.uint8 else f'{stored.dtype} samples'


def read_picture(file: Path, how: int = cv2.IMREAD_ANYCOLOR) -> np.ndarray | None:
    """Decode a picture, uint8; None where it cannot be. `how` is one of OpenCV's flags."""
    if is_cut_png(file):
        return None
    try:
        return cv2.imread(str(file), how)
    except cv2.error:  # for example where it declares to be larger than `LARGEST`
        return None
