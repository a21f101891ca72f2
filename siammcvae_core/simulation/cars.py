# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cars of the rendered drive: a body and a cabin of flat painted faces, and their lights."""

from dataclasses import dataclass
import functools

import cv2
import numpy as np

from siammcvae_core.simulation.faces import Blend, Face, plane, SQUARE, Texture
from siammcvae_core.simulation.paint import flat, Image, paint_glow, paint_pool, to_image

CAR_SCALE = 110  # px per m
COLOURS = (
    (52, 48, 46),
    (196, 198, 198),
    (120, 122, 124),
    (48, 40, 138),
    (112, 66, 36),
    (228, 230, 230),
)
GLASS = (62, 54, 46)


@dataclass(frozen=True)
class Shape:
    """Side view in metres: lengths along the car from its rear bumper, heights over the road."""

    length: float
    width: float
    waist: float
    roof: float
    rear: tuple[float, float]
    """Where the rear window starts at the waist and ends at the roof."""
    front: tuple[float, float]
    """Where the windscreen starts at the waist and ends at the roof."""


SHAPES = (
    Shape(4.5, 1.8, 0.92, 1.43, (0.62, 1.25), (3.35, 2.55)),  # saloon
    Shape(4.0, 1.75, 0.95, 1.48, (0.08, 0.45), (3.05, 2.3)),  # hatchback
    Shape(4.6, 1.86, 1.05, 1.68, (0.08, 0.35), (3.45, 2.75)),  # SUV
)


@dataclass(frozen=True)
class Skin:
    """The textures of one car."""

    right: Texture
    left: Texture
    rear: Texture
    front: Texture
    cabin_right: Texture
    cabin_left: Texture
    glass: Texture
    top: Texture


def _paint_side(shape: Shape, colour: np.ndarray) -> Image:
    """Paint the right side up to the waist with wheels, rear at the left; BGRA."""
    height, width = int(shape.waist * CAR_SCALE), int(shape.length * CAR_SCALE)
    shade = np.interp(np.arange(height), [0, 12, 14, 50, height], [1.15, 1.0, 0.86, 0.72, 0.42])
    image = np.zeros((height, width, 4), np.uint8)
    image[..., :3] = to_image(colour * np.broadcast_to(shade[:, None, None], (height, width, 3)))
    sill = height - int(0.2 * CAR_SCALE)
    image[:sill, :, 3] = 255
    for x in (0.3, 0.53):
        cv2.line(image, (int(x * width), 2), (int(x * width), sill - 8), (30, 30, 30, 255), 2)
        cv2.rectangle(
            image, (int(x * width) - 34, 18), (int(x * width) - 14, 22), (40, 40, 40, 255), -1
        )
    image[sill - 8 : sill, :, :3] = 34
    image[16:34, :22, :3] = (36, 30, 150)
    image[20:38, -26:, :3] = (206, 204, 200)
    radius = int(0.33 * CAR_SCALE)
    for x in (0.8, shape.length - 0.85):
        centre = (int(x * CAR_SCALE), height - radius)
        cv2.circle(image, centre, radius + 6, (18, 18, 18, 255), -1, cv2.LINE_AA)
        cv2.circle(image, centre, radius, (30, 30, 32, 255), -1, cv2.LINE_AA)
        cv2.circle(image, centre, int(radius * 0.62), (150, 150, 148, 255), -1, cv2.LINE_AA)
        for spoke in np.arange(0, 2 * np.pi, 2 * np.pi / 5):
            end = (int(centre[0] + 20 * np.cos(spoke)), int(centre[1] + 20 * np.sin(spoke)))
            cv2.line(image, centre, end, (60, 60, 60, 255), 4)
    return image


def _paint_end(shape: Shape, colour: np.ndarray, rear: bool) -> Image:
    """Paint the rear or front below the waist: lamps, plate or grille, tyres; BGRA."""
    height, width = int(shape.waist * CAR_SCALE), int(shape.width * CAR_SCALE)
    shade = np.interp(np.arange(height), [0, 20, height], [1.1, 0.9, 0.5])
    image = np.zeros((height, width, 4), np.uint8)
    image[..., :3] = to_image(colour * np.broadcast_to(shade[:, None, None], (height, width, 3)))
    bottom = height - int(0.26 * CAR_SCALE)
    image[:bottom, :, 3] = 255
    image[bottom - 14 : bottom, 6:-6, :3] = to_image(colour * 0.55)
    image[bottom - 3 : bottom + 3, 6:-6] = (26, 26, 27, 255)
    image[bottom:, 14:40] = image[bottom:, -40:-14] = (22, 22, 23, 255)
    image[bottom : bottom + 16, 14:-14] = (14, 14, 14, 255)
    lamp = (38, 30, 168) if rear else (226, 226, 222)
    for left in (6, width - 44):
        cv2.rectangle(image, (left, 16), (left + 38, 36), (*lamp, 255), -1)
        cv2.rectangle(
            image,
            (left + (24 if left == 6 else 0), 18),
            (left + (37 if left == 6 else 13), 26),
            (150, 170, 230, 255) if rear else (255, 255, 255, 255),
            -1,
        )
    middle = width // 2
    if rear:
        cv2.line(image, (2, 46), (width - 3, 46), (26, 26, 26, 255), 1)
        cv2.rectangle(image, (middle - 28, 52), (middle + 28, 66), (216, 222, 222, 255), -1)
        for x in range(middle - 22, middle + 20, 8):
            cv2.rectangle(image, (x, 55), (x + 4, 63), (50, 44, 44, 255), -1)
    else:
        cv2.rectangle(image, (54, 22), (width - 54, 44), (24, 24, 25, 255), -1)
        for y in range(26, 44, 5):
            cv2.line(image, (56, y), (width - 56, y), (78, 78, 80, 255), 1)
        cv2.rectangle(image, (middle - 28, 56), (middle + 28, 69), (216, 222, 222, 255), -1)
    return image


def _paint_cabin(shape: Shape, colour: np.ndarray) -> Image:
    """Paint windows and pillars of the right side over the whole length, rear at the left."""
    height, width = 60, int(shape.length * CAR_SCALE)
    image = flat(tuple(int(v) for v in np.minimum(colour * 0.95, 255)), (height, width))
    slope = [
        np.interp(y, (0, height), (end, start))
        for y in (12, height)
        for end, start in ((shape.rear[1], shape.rear[0]), (shape.front[1], shape.front[0]))
    ]
    corners = [
        (slope[0] + 0.14, 12),
        (slope[1] - 0.12, 12),
        (slope[3] - 0.16, 58),
        (slope[2] + 0.22, 58),
    ]
    outline = np.array([(x * CAR_SCALE, y) for x, y in corners], np.int32)
    cv2.fillPoly(image, [outline], GLASS, cv2.LINE_AA)
    shine = np.array(
        [(x * CAR_SCALE, y) for x, y in (*corners[:2], (slope[1] - 0.1, 26), (slope[0] + 0.1, 30))]
    )
    cv2.fillPoly(image, [shine.astype(np.int32)], (116, 104, 92), cv2.LINE_AA)
    pillar = int((shape.rear[1] + shape.front[1]) / 2 * CAR_SCALE)
    cv2.line(image, (pillar, 0), (pillar, height), (26, 26, 26), 7)
    return image


def _paint_glass() -> Image:
    image = to_image(
        np.array(GLASS) * np.linspace(1.7, 0.8, 48)[:, None, None] * np.ones((48, 96, 1))
    )
    cv2.rectangle(image, (0, 0), (95, 47), (26, 26, 26), 3)
    cv2.rectangle(image, (22, 26), (34, 47), (34, 30, 28), -1)  # head rests
    cv2.rectangle(image, (61, 26), (73, 47), (34, 30, 28), -1)
    return image


@functools.lru_cache(maxsize=32)
def _skin(shape: Shape, colour_index: int) -> Skin:
    colour = np.array(COLOURS[colour_index], float)
    side, cabin = _paint_side(shape, colour), _paint_cabin(shape, colour)
    return Skin(
        right=Texture(side),
        left=Texture(np.ascontiguousarray(side[:, ::-1])),
        rear=Texture(_paint_end(shape, colour, True)),
        front=Texture(_paint_end(shape, colour, False)),
        cabin_right=Texture(cabin),
        cabin_left=Texture(np.ascontiguousarray(cabin[:, ::-1])),
        glass=Texture(_paint_glass()),
        top=Texture(flat(tuple(int(v) for v in np.minimum(colour * 1.12 + 8, 255)))),
    )


SHADOW = Texture(paint_pool((0.2, 0.19, 0.18), 0.6))
HEADLAMP = Texture(paint_glow((190, 220, 245), 0.1))
TAIL_LAMP = Texture(paint_glow((30, 24, 225), 0.13))


@functools.lru_cache(maxsize=64)
def local_faces(kind: int, night: bool, moving: bool) -> tuple[Face, ...]:
    """Build car number `kind`, its rear's middle on the road at the origin, heading to +z.

    Its faces come in drawing order: shadow, decks, body, cabin, and by night a moving car's lights.
    """
    shape = SHAPES[kind % len(SHAPES)]
    skin = _skin(shape, (kind // len(SHAPES)) % len(COLOURS))
    half, length, waist, roof = shape.width / 2, shape.length, shape.waist, shape.roof
    rear, front = shape.rear, shape.front
    top = half * 0.8  # half the roof's width
    tall, lean = roof - waist, half - top
    right, left = (2 * half, 0, 0), (-2 * half, 0, 0)
    ahead, back, down = (0, 0, length), (0, 0, -length), (0, waist, 0)
    tapered = ((0.1, 0.0), (0.9, 0.0), (1.0, 1.0), (0.0, 1.0))
    corners = ((rear[1], 0.0), (front[1], 0.0), (front[0], 1.0), (rear[0], 1.0))
    side = tuple((x / length, y) for x, y in corners)
    other_side = tuple((1 - u, v) for u, v in reversed(side))
    soft = 0.35  # m of shadow around the car
    shadow = plane(
        (-half - soft, 0, length + soft), (2 * (half + soft), 0, 0), (0, 0, -length - 2 * soft)
    )
    body = (
        (skin.top, (-half, -waist, rear[0]), right, (0, 0, -rear[0])),
        (skin.top, (-half, -waist, length), right, (0, 0, front[0] - length)),
        (skin.right, (half, -waist, 0), ahead, down),
        (skin.left, (-half, -waist, length), back, down),
        (skin.rear, (-half, -waist, 0), right, down),
        (skin.front, (half, -waist, length), left, down),
    )
    cabin = (
        (skin.top, SQUARE, (-top, -roof, front[1]), (2 * top, 0, 0), (0, 0, rear[1] - front[1])),
        (skin.cabin_right, side, (top, -roof, 0), ahead, (lean, tall, 0)),
        (skin.cabin_left, other_side, (-top, -roof, length), back, (-lean, tall, 0)),
        (skin.glass, tapered, (-half, -roof, rear[1]), right, (0, tall, rear[0] - rear[1])),
        (skin.glass, tapered, (half, -roof, front[1]), left, (0, tall, front[0] - front[1])),
    )
    faces = [Face(shadow, SHADOW, Blend.SHADE)]
    for paint, *edges in body:
        holes = paint.image.shape[2] == 4
        faces.append(Face(plane(*edges), paint, Blend.CUTOUT if holes else Blend.SOLID, 0.93))
    faces += [Face(plane(*edges), paint, outline=outline) for paint, outline, *edges in cabin]
    if night and moving:
        for x in (half - 0.22, 0.22 - half):
            tail = plane((x - 0.35, -waist - 0.13, -0.02), (0.7, 0, 0), (0, 0.7, 0))
            head = plane((x + 0.9, -waist - 0.65, length + 0.02), (-1.8, 0, 0), (0, 1.8, 0))
            faces.append(Face(tail, TAIL_LAMP, Blend.GLOW))
            faces.append(Face(head, HEADLAMP, Blend.GLOW))
    return tuple(faces)
