# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Warping, gradients, blurs and other sizes of images, as OpenCV computes them.

Resizing by an area and Gaussian blurs are linear along each axis, so they are products with a
matrix A_h from the left and A_w from the right, which OpenCV itself gives for the unit images:

    Y = A_h X A_wᵀ
"""

from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

from siammcvae_core.motion.rectangle import Rectangle

Size = tuple[int, int]
"""Height and width."""

FIXED_POINT = np.float32(2048)  # to which OpenCV rounds the weights when it interpolates uint8


def warp(
    images: Tensor,
    displacement: Tensor,
    window: Rectangle,
    stride: int = 1,
    mode: str = 'bilinear',
) -> Tensor:
    """Warp images (B, C, H, W) by displacements (B, 2, h, w) in their pixels: (B, C, h, w).

    The displacements are those of every `stride`-th pixel of a window of the images. Beyond its
    border an image continues with the values there. `mode` is bilinear or bicubic.
    """
    height, width = images.shape[-2:]
    x, y = (torch.from_numpy(axis).to(images.device) for axis in window.pixels(stride))
    x = (displacement[:, 0] + x) * (2 / (width - 1)) - 1
    y = (displacement[:, 1] + y) * (2 / (height - 1)) - 1
    where = torch.stack([x, y], -1)  # (B, h, w, 2)
    return F.grid_sample(images, where, mode, padding_mode='border', align_corners=True)


def gradients(images: Tensor) -> tuple[Tensor, Tensor]:
    """Image gradient of (B, C, h, w) along x and y by Sobel, in grey levels per pixel."""
    padded = F.pad(images, (1, 1, 1, 1), mode='reflect')
    down = (padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]) / 8
    across = (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]) / 8
    return down[..., 2:] - down[..., :-2], across[..., 2:, :] - across[..., :-2, :]


def box_mean(images: Tensor, size: Size, border: str = 'reflect') -> Tensor:
    """Average over boxes of `size`, odd, around every pixel; `border` is reflect or replicate."""
    height, width = size
    padded = F.pad(images, 2 * (width // 2,) + 2 * (height // 2,), mode=border)
    return F.avg_pool2d(padded, size, 1)


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Blur by a Gaussian of `sigma` pixels, as `cv2.GaussianBlur` does float images."""
    rows, columns = (_blur_matrix(n, sigma).to(images.device) for n in images.shape[-2:])
    return rows @ images @ columns.T


def resize_area(images: Tensor, size: Size) -> Tensor:
    """Resize images to `size`: means over the area of each pixel, as cv2.INTER_AREA has them."""
    height, width = images.shape[-2:]
    if (height, width) == size:
        return images
    if height % size[0] == 0 and width % size[1] == 0:
        return F.avg_pool2d(images, (height // size[0], width // size[1]))
    grows = size[0] > height or size[1] > width
    rows = _area_matrix(height, size[0], grows).to(images.device)
    columns = _area_matrix(width, size[1], grows).to(images.device)
    return rows @ images @ columns.T


def reduce(images: Tensor, scale: int) -> Tensor:
    """Average images over squares of `scale` x `scale` pixels."""
    return images if scale == 1 else F.avg_pool2d(images, scale)


def interpolate(fields: Tensor, size: tuple[int, ...]) -> Tensor:
    """Interpolate fields (B, C, h, w) bilinearly to `size`, height and width."""
    if fields.shape[-2:] == size:
        return fields
    return F.interpolate(fields, size=tuple(size), mode='bilinear', align_corners=False)


def to_grey(frames: Tensor) -> Tensor:
    """Convert BGR frames (B, 3, h, w) to grey (B, 1, h, w) in the fixed point of OpenCV."""
    blue, green, red = frames.split(1, 1)
    return ((1868 * blue + 9617 * green + 4899 * red + 8192) / 16384).floor()


def round_levels(images: Tensor) -> Tensor:
    """Round to whole grey levels, as images of uint8 are."""
    return (images + 0.5).floor()


def cut(images: Tensor, window: Rectangle, stride: int = 1) -> Tensor:
    """Cut a window out of images (B, C, H, W), every `stride`-th row and column."""
    rows = slice(window.top, window.bottom, stride)
    return images[..., rows, window.left : window.right : stride]


def put(values: Tensor, window: Rectangle) -> Tensor:
    """Surround the values of a window (B, C, h, w) with zeros, to the size of its image."""
    rows, columns = window.size
    return F.pad(values, (window.left, columns - window.right, window.top, rows - window.bottom))


@lru_cache(maxsize=64)
def _blur_matrix(count: int, sigma: float) -> Tensor:
    """Matrix (count, count) of a Gaussian blur along an axis, with OpenCV's kernel and border."""
    taps = round(8 * sigma + 1) | 1  # what OpenCV chooses for float images
    unit = np.eye(count, dtype=np.float32)
    return torch.from_numpy(cv2.GaussianBlur(unit, (1, taps), 1, sigmaY=sigma))


@lru_cache(maxsize=64)
def _area_matrix(count: int, wanted: int, grows: bool) -> Tensor:
    """Matrix (wanted, count) that resizes an axis; `grows` if this or the other axis does.

    OpenCV then interpolates both instead; an axis of twice the size makes it do so here, too, and
    of that every second column is exact.
    """
    unit = np.eye(count, dtype=np.float32)
    columns = 2 * count if grows else count
    resized = cv2.resize(unit, (columns, wanted), interpolation=cv2.INTER_AREA)
    matrix = np.ascontiguousarray(resized[:, :: columns // count])
    return torch.from_numpy(np.rint(matrix * FIXED_POINT) / FIXED_POINT if grows else matrix)
