# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""House fronts of the rendered drive: shops below, rows of windows above, lit at night."""

import cv2
import numpy as np

from siammcvae_core.simulation.paint import grained, Image, to_image

FACADE_SCALE = 36  # px per m
STOREY = 3.1  # m


def paint_facade(rng: np.random.Generator, width: float, storeys: int, night: bool) -> Image:
    """Paint a street front of `width` m: shops below, rows of windows above, a cornice on top."""
    walls = (
        (150, 178, 196),
        (120, 150, 188),
        (92, 108, 158),
        (168, 176, 180),
        (140, 168, 172),
        (104, 128, 148),
        (176, 190, 204),
    )
    scale = FACADE_SCALE
    height = int((storeys * STOREY + 1.0) * scale)
    wide = int(width * scale)
    wall = np.array(walls[int(rng.integers(len(walls)))])
    image = to_image(grained(rng, (height, wide), tuple(wall), 5.0, 4.0))
    if rng.random() < 0.45:  # courses of brick
        for row in range(0, height, 5):
            image[row] = (image[row] * 0.82).astype(np.uint8)
    pale = tuple(int(v) for v in np.minimum(wall * 1.22, 235))
    dark = tuple(int(v) for v in wall * 0.5)
    bays = max(round(width / rng.uniform(2.3, 3.1)), 2)
    bay = wide / bays
    opening = (bay * rng.uniform(0.4, 0.55), scale * rng.uniform(1.45, 1.8))
    balconies = rng.random() < 0.4
    lights: list[tuple[int, int, int, int]] = []
    top = scale  # px of cornice and parapet above the uppermost storey
    for storey in range(storeys - 1):
        sill = int(top + storey * STOREY * scale + 2.35 * scale)
        for column in range(bays):
            left = int((column + 0.5) * bay - opening[0] / 2)
            box = (left, int(sill - opening[1]), left + int(opening[0]), sill)
            glow = rng.uniform(0.55, 1) * (rng.random() < 0.42) * night
            _paint_window(image, rng, box, pale, dark, glow)
            if glow:
                lights.append(box)
            if balconies and column % 2 == 0:
                cv2.rectangle(image, (box[0] - 8, sill + 2), (box[2] + 8, sill + 7), dark, -1)
                for x in range(box[0] - 8, box[2] + 9, 5):
                    cv2.line(image, (x, sill - 26), (x, sill + 2), (44, 44, 46), 1)
                cv2.line(image, (box[0] - 8, sill - 26), (box[2] + 8, sill - 26), (44, 44, 46), 2)
        cv2.rectangle(image, (0, sill + 20), (wide, sill + 25), pale, -1)
    _paint_shops(image, rng, bays, lights, night)
    cv2.rectangle(image, (0, 0), (wide, 14), pale, -1)
    cv2.rectangle(image, (0, 14), (wide, 20), dark, -1)
    cv2.rectangle(image, (0, 20), (3, height), dark, -1)  # the joint to the neighbour
    return _at_night(image, lights) if night else image


def _paint_window(
    image: Image,
    rng: np.random.Generator,
    box: tuple[int, int, int, int],
    pale: tuple[int, ...],
    dark: tuple[int, ...],
    glow: float,
) -> None:
    left, top, right, bottom = box
    cv2.rectangle(image, (left - 5, top - 5), (right + 5, bottom + 3), pale, -1)
    shade = np.linspace(1.25, 0.7, bottom - top)[:, None, None]
    glass = np.array((120, 104, 84)) * rng.uniform(0.55, 1.1)
    if glow:
        glass, shade = np.array((96, 178, 236)) * glow, shade * 0.4 + 0.6
    pane = np.broadcast_to(glass * shade, (bottom - top, right - left, 3)).copy()
    if rng.random() < 0.5:  # curtains
        cloth = (right - left) // 4
        pane[:, :cloth] = pane[:, :cloth] * 0.6 + 70
        pane[:, -cloth:] = pane[:, -cloth:] * 0.6 + 70
    image[top:bottom, left:right] = to_image(pane)
    image[top : top + 4, left:right] = image[top : top + 4, left:right] // 2
    middle = (left + right) // 2
    cv2.line(image, (middle, top), (middle, bottom), (206, 212, 216), 2)
    third = top + (bottom - top) // 3
    cv2.line(image, (left, third), (right, third), (206, 212, 216), 2)
    cv2.rectangle(image, (left - 7, bottom + 1), (right + 7, bottom + 5), dark, -1)


def _paint_shops(
    image: Image,
    rng: np.random.Generator,
    bays: int,
    lights: list[tuple[int, int, int, int]],
    night: bool,
) -> None:
    height, wide = image.shape[:2]
    scale = FACADE_SCALE
    signs = (
        (52, 44, 150),
        (120, 70, 40),
        (60, 110, 52),
        (40, 120, 190),
        (70, 66, 70),
        (98, 40, 96),
    )
    top = height - int(2.95 * scale)
    cv2.rectangle(image, (0, top), (wide, height), (92, 98, 104), -1)
    shops = max(bays // 3, 1)
    for shop in range(shops):
        left, right = wide * shop // shops + 10, wide * (shop + 1) // shops - 10
        sign = signs[int(rng.integers(len(signs)))]
        cv2.rectangle(image, (left, top + 6), (right, top + 26), sign, -1)
        x = left + int(rng.uniform(8, 30))
        while x < min(right - 14, left + 150):  # strokes that read as letters from a car
            cv2.rectangle(
                image, (x, top + 11), (x + int(rng.integers(3, 9)), top + 21), (216, 222, 226), -1
            )
            x += int(rng.integers(9, 14))
        box = (left + 4, top + 34, right - 34, height - 16)
        glow = rng.uniform(0.6, 1) * (rng.random() < 0.6) * night
        _paint_window(image, rng, box, (70, 74, 78), (60, 62, 66), glow)
        for x in range(box[0], box[2] - 12, 22):  # goods behind the glass
            tall = int(rng.integers(10, 34))
            tint = rng.integers(30, 150, 3).tolist()
            cv2.rectangle(image, (x + 3, box[3] - tall), (x + 15, box[3] - 2), tint, -1)
        if glow:
            lights.append(box)
        cv2.rectangle(image, (right - 28, top + 34), (right - 4, height - 2), (52, 56, 66), -1)
        cv2.rectangle(image, (right - 24, top + 40), (right - 8, top + 66), (110, 104, 92), -1)
    cv2.rectangle(image, (0, height - 10), (wide, height), (82, 84, 86), -1)


def _at_night(image: Image, lights: list[tuple[int, int, int, int]]) -> Image:
    height = image.shape[0]
    below = np.linspace(0, 1, height)[:, None] ** 3  # street lamps reach the lower storeys
    ambient = np.array((0.15, 0.11, 0.095)) + below[..., None] * np.array((0.10, 0.19, 0.24))
    dark = to_image(image * ambient)
    lit = np.zeros_like(image)
    for left, top, right, bottom in lights:
        lit[top:bottom, left:right] = image[top:bottom, left:right]
    halo = cv2.GaussianBlur(lit, (0, 0), 7)
    return np.maximum(cv2.addWeighted(dark, 1.0, halo, 0.3, 0), lit)


def paint_roof(rng: np.random.Generator, night: bool) -> Image:
    """Rows of tiles, 4 m high."""
    image = grained(rng, (140, 400), ((58, 72, 118), (74, 76, 80))[int(rng.integers(2))], 5, 5)
    image[::7] *= 0.7
    return to_image(image * (0.13 if night else 1.0))
