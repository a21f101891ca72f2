# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The surfaces of the rendered drive, painted once for the day and once for the night.

Surfaces with lights of their own at night (fronts, sky) are painted dark here; the renderer dims
the others and adds headlights and haze.
"""

from dataclasses import dataclass
import functools

import cv2
import numpy as np

from siammcvae_core.simulation.facades import FACADE_SCALE, paint_facade, paint_roof
from siammcvae_core.simulation.faces import Texture
from siammcvae_core.simulation.paint import clouds, grained, Image, to_image

GROUND_WIDTH = 24.0  # m across, the street's axis in the middle
GROUND_LENGTH = 36.0  # m along, then it repeats; three periods of the lane dashes
SKY_SPAN = (1.9, 0.75)  # width and height of the sky picture over its distance


def paint_ground(rng: np.random.Generator) -> Image:
    """Paint the street from above, row 0 at its start, columns from left to right."""
    scale = 64  # px per m
    length, width = int(GROUND_LENGTH * scale), int(GROUND_WIDTH * scale)

    def column(metres: float) -> int:
        return round((metres + GROUND_WIDTH / 2) * scale)

    asphalt = grained(rng, (length, width), (97, 96, 94), 3.5, 7.0)
    across = (np.arange(width) - width / 2) / scale
    for lane in (-1.75, 1.75):  # tyres polish two tracks, oil drips between them
        for track, level in ((-0.75, 7.0), (0.75, 7.0), (0.0, -9.0)):
            asphalt += (level * np.exp(-(((across - lane - track) / 0.3) ** 2)))[:, None]
    for _ in range(7):  # repaired trenches
        x, y = rng.uniform(-5, 3.5), rng.uniform(0, GROUND_LENGTH - 4)
        wide, long = rng.uniform(0.6, 2.2), rng.uniform(0.8, 4)
        rows = slice(int(y * scale), int((y + long) * scale))
        asphalt[rows, column(x) : column(x + wide)] += rng.uniform(-26, -10)
    for _ in range(22):  # cracks
        turns = np.cumsum(rng.normal(0, 0.22, 60)) + rng.uniform(0, np.pi)
        points = rng.uniform((-5.2, 3), (5.2, GROUND_LENGTH - 3))
        points = points + np.cumsum(0.05 * np.stack([np.cos(turns), np.sin(turns)], 1), 0)
        points = ((points + np.array((GROUND_WIDTH / 2, 0))) * scale).astype(np.int32)
        cv2.polylines(asphalt, [points], False, (66, 66, 67), 2, cv2.LINE_AA)
    for x, y in rng.uniform((-4.5, 2), (4.5, GROUND_LENGTH - 2), (5, 2)):  # manholes
        centre = (column(x), int(y * scale))
        cv2.circle(asphalt, centre, 21, (58, 60, 64), -1, cv2.LINE_AA)
        for radius in (21, 15, 8):
            cv2.circle(asphalt, centre, radius, (84, 86, 90), 2, cv2.LINE_AA)

    marks = np.zeros((length, width), np.uint8)
    for start in np.arange(3, GROUND_LENGTH, 12):
        rows = slice(int(start * scale), int((start + 4.5) * scale))
        marks[rows, column(-0.07) : column(0.07)] = 255
    for side in (-1, 1):
        marks[:, column(side * 3.5 - 0.06) : column(side * 3.5 + 0.06)] = 255
        for start in np.arange(0, GROUND_LENGTH, 6):  # parking bays
            rows = slice(int(start * scale), int((start + 0.1) * scale))
            bay = sorted((column(side * 3.5), column(side * 5.5)))
            marks[rows, bay[0] : bay[1]] = 255
    worn = np.clip(1.15 + 0.25 * clouds(rng, (length, width), 40, 4), 0.35, 1) * (marks / 255)
    asphalt += worn[..., None] * (np.array((205, 212, 214), np.float32) - asphalt)

    slabs = grained(rng, (length, width), (136, 142, 147), 5.0, 4.0)
    slab = round(0.75 * scale)
    tones = rng.normal(0, 6, (length // slab, width // slab))
    slabs += tones.repeat(slab, axis=0).repeat(slab, axis=1)[..., None]
    for joint in (0, 1):
        slabs[joint::slab] -= 40
    slabs[:, ::slab] -= 40
    kerb = np.abs(across) > 5.55
    ground = np.where(kerb[:, None], slabs, asphalt)
    for side in (-1, 1):
        edge = sorted((column(side * 5.5), column(side * 5.72)))
        ground[:, edge[0] : edge[1]] = grained(
            rng, (length, edge[1] - edge[0]), (165, 168, 170), 4, 5
        )
        ground[::scale, edge[0] : edge[1]] -= 50
        gutter = sorted((column(side * 5.5), column(side * 5.36)))
        ground[:, gutter[0] : gutter[1]] *= 0.62
    return to_image(ground)


def paint_shade(rng: np.random.Generator, image: Image) -> Image:
    """Lay the shadow of the left-hand roofs over the ground, a ragged edge along the street."""
    length, width = image.shape[:2]
    across = (np.arange(width) / width - 0.5) * GROUND_WIDTH
    step = length // 12
    edge = np.repeat(rng.uniform(-5.6, -3.0, 12), step)[:, None]
    lit = np.clip((across - edge) / 0.25, 0, 1) * 0.48 + 0.52
    return to_image(image * lit[..., None] * np.array((1.0, 0.985, 0.97)))


def paint_crown(rng: np.random.Generator) -> Image:
    """Paint clumps of leaves lit from the upper left, BGRA, square."""
    image = np.zeros((480, 480, 4), np.uint8)
    clumps = rng.uniform(0, 1, (34, 2)) * (2 * np.pi, 1)
    for angle, radius in clumps[np.argsort(-np.sin(clumps[:, 0]) * clumps[:, 1])]:
        way = np.array((np.cos(angle), np.sin(angle)))
        centre = 240 + np.sqrt(radius) * 152 * way
        tint = np.array((44, 112, 92)) * rng.uniform(0.82, 1.12)
        leaves = rng.normal(0, 0.5, (110, 2)).clip(-1.2, 1.2)
        lights = 0.86 - 0.34 * leaves[:, 1] - 0.2 * leaves[:, 0] - 0.3 * (centre[1] - 240) / 200
        places = centre + rng.uniform(34, 62) * leaves
        for place, light in zip(places.astype(int).tolist(), lights.tolist(), strict=True):
            colour = (*np.clip(tint * light * rng.uniform(0.8, 1.2), 0, 255).tolist(), 255)
            size = (int(rng.integers(5, 13)), int(rng.integers(3, 8)))
            cv2.ellipse(image, place, size, rng.uniform(0, 180), 0, 360, colour, -1)
    return image


def paint_trunk(rng: np.random.Generator) -> Image:
    """Paint bark, lit on its left."""
    side = np.linspace(1.15, 0.6, 32)[:, None]
    return to_image(grained(rng, (256, 32), (46, 60, 73), 6, 6) * side)


def paint_sky(rng: np.random.Generator, night: bool, haze: Image) -> Image:
    """Paint sun or dusk, clouds and a far skyline; the last row is the horizon."""
    height, width = 600, 1520
    up = np.linspace(1, 0, height, dtype=np.float32)[:, None]
    zenith = np.array((26, 15, 9) if night else (206, 150, 92), np.float32)
    sky = haze + (zenith - haze) * (1 - np.exp(-3.2 * up))[..., None]
    sky = np.repeat(sky, width, axis=1)
    far = np.clip(up, 0.02, 1)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    noise = clouds(rng, (1024, 2048), 256, 6)
    warp_x = ((x - width / 2) / (0.25 + 1.6 * far) * 0.9 + 1024).astype(np.float32)
    warp_y = (190 / (far + 0.12)).astype(np.float32) + 0 * x
    cloud = cv2.remap(noise, warp_x, warp_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    cover = np.clip((cloud - 0.1) * 0.75, 0, 1) * np.clip(up * 7, 0, 1)
    thick = np.clip(cloud - 0.9, 0, 1.2)[..., None]
    white = np.array((30, 24, 21) if night else (244, 244, 244), np.float32)
    sky += cover[..., None] * (white * (1 - 0.16 * thick) - sky) * (0.5 if night else 0.85)
    sun = (width * 0.36, height * (1.0 if night else 0.6))
    reach = np.hypot(x - sun[0], (y - sun[1]) * (1.8 if night else 1.0))
    if night:
        sky += np.exp(-reach / 330)[..., None] * np.array((20, 26, 44), np.float32)
    else:
        sky += np.exp(-reach / 120)[..., None] * np.array((52, 78, 92), np.float32)
        sky += np.exp(-((reach / 21) ** 4))[..., None] * np.array((120, 150, 160), np.float32)
    for depth, tall in ((0.75, 40), (0.5, 26)):  # two rows of far roofs, hazier behind
        colour = haze * depth + np.array((14, 10, 8) if night else (118, 112, 104)) * (1 - depth)
        left = 0
        while left < width:
            wide = int(rng.integers(14, 60))
            top = height - int(tall * rng.uniform(0.35, 1.1))
            sky[top:, left : left + wide] = colour
            left += wide
    return to_image(sky + rng.uniform(-0.5, 0.5, (height, width, 1)))


@dataclass(frozen=True)
class Palette:
    """Every texture of one drive, by what it covers."""

    haze: Image
    ground: Texture
    sky: Texture
    facades: dict[int, list[tuple[Texture, float, Texture]]]
    """By width in m: the front, its height in m and the plain wall of its side."""
    roofs: list[Texture]
    crowns: list[Texture]
    trunk: Texture


@functools.lru_cache(maxsize=2)
def palette(night: bool) -> Palette:
    """Paint everything for a day or a night; the same at every call."""
    rng = np.random.default_rng(20260101)
    haze = np.array((44, 32, 27) if night else (222, 208, 194), np.float32)
    facades: dict[int, list[tuple[Texture, float, Texture]]] = {}
    for width, count in ((20, 4), (16, 4), (10, 6)):
        facades[width] = []
        for _ in range(count):
            storeys = int(rng.integers(3, 6))
            front = paint_facade(rng, width, storeys, night)
            tone = tuple(np.median(front[40:-140], axis=(0, 1)) * (0.9 if night else 0.72))
            side = to_image(grained(rng, (320, 320), tone, 4, 3))
            facades[width].append((Texture(front), front.shape[0] / FACADE_SCALE, Texture(side)))
    ground = paint_ground(rng)
    shaded = paint_shade(rng, ground)  # drawn by night too, so that what follows is the same
    return Palette(
        haze=haze,
        ground=Texture(ground if night else shaded),
        sky=Texture(paint_sky(rng, night, haze)),
        facades=facades,
        roofs=[Texture(paint_roof(rng, night)) for _ in range(2)],
        crowns=[Texture(paint_crown(rng)) for _ in range(4)],
        trunk=Texture(paint_trunk(rng)),
    )
