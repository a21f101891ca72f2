# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The street of the rendered drive: positions of all things, endless and set by the seed.

Positions are d metres right of the street's winding axis at s metres along it. The
street is made of 20 m cells, each furnished from (seed, cell) alone, so any moment can be drawn
without those before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import math

import numpy as np

from siammcvae_core.simulation.cars import local_faces
from siammcvae_core.simulation.facades import STOREY
from siammcvae_core.simulation.faces import Blend, Face, plane, Texture, Vector
from siammcvae_core.simulation.paint import flat, paint_glow, paint_pool
from siammcvae_core.simulation.textures import palette

CELL = 20.0  # m of street
SIGHT = 160.0  # m ahead; haze has swallowed what is further
SPEED = 12.0  # m/s
FRONT = 9.2  # m from the axis to the buildings
LANE = 1.75  # m from the axis to the middle of a lane
CAMERA_HEIGHT = 1.4  # m

SKY, GROUND, BUILDING, TREE, LAMP, PARKED, TRAFFIC = range(7)
"""Kinds of things; a label is kind << 16 | number."""


@dataclass(frozen=True)
class Placed:
    """A face in the world: its plane there, its label, and `far`, by which the painter sorts."""

    face: Face
    plane: np.ndarray
    far: float
    label: int


@dataclass(frozen=True)
class Front:
    """A building at the street: where it starts, its width and height in m, and its paint."""

    start: float
    width: float
    paint: Texture
    tall: float
    wall: Texture


@dataclass(frozen=True)
class Pose:
    """The camera: position (x, y, z) in m, yaw to the right and pitch downwards in rad."""

    position: np.ndarray
    yaw: float
    pitch: float
    along: float


def axis(s: np.ndarray | float) -> np.ndarray:
    """Where the street's middle lies, x in m."""
    return 8.0 * np.sin(s / 75.0) + 2.0 * np.sin(s / 34.0)


def axis_slope(s: np.ndarray | float) -> np.ndarray:
    """Compute the axis' dx/ds."""
    return 8.0 / 75.0 * np.cos(s / 75.0) + 2.0 / 34.0 * np.cos(s / 34.0)


def _at(d: float, s: float, y: float = 0.0) -> Vector:
    return float(axis(s)) + d, y, s


def _between(corner: Vector, right: Vector, below: Vector) -> np.ndarray:
    """Lay the plane through a top-left corner and the ends of its two edges."""
    return np.column_stack((np.subtract(right, corner), np.subtract(below, corner), corner))


class World:
    """One seed's street by day or night."""

    def __init__(self, seed: int, night: bool) -> None:
        self._seed = seed
        self._night = night
        self._paint = palette(night)
        self._cells: dict[int, list[Placed]] = {}
        self._steel = Texture(flat((70, 72, 70)))
        self._lamp_glow = Texture(paint_glow((120, 200, 255), 0.16))
        self._lamp_pool = Texture(paint_pool((1.8, 2.5, 2.9), 1.0))
        self._tree_shadow = Texture(paint_pool((0.56, 0.53, 0.52), 0.45))

    def pose(self, time: float) -> Pose:
        """Where the camera is `time` seconds after the start: in its lane, not quite steady."""
        s = self._travelled(time)
        d = LANE + 0.28 * math.sin(0.45 * time)
        drift = 0.28 * 0.45 * math.cos(0.45 * time) / SPEED
        sway = 0.0022 * math.sin(4.1 * time) + 0.0012 * math.sin(7.3 * time + 1)
        nod = 0.0016 * math.sin(6.2 * time + 2) + 0.0008 * math.sin(11.9 * time)
        bounce = 0.008 * math.sin(6.2 * time)
        return Pose(
            position=np.array(_at(d, s, bounce - CAMERA_HEIGHT)),
            yaw=math.atan(axis_slope(s) + drift) + sway,
            pitch=0.022 + nod,
            along=s,
        )

    def visible(self, time: float) -> list[Placed]:
        """Everything that may be seen at `time`, far things first."""
        here = self._travelled(time)
        placed = list(self._traffic(time, here))
        first = math.floor((here - 8) / CELL)
        for cell in range(first, math.floor((here + SIGHT) / CELL) + 1):
            placed += self._cell(cell)
        placed.sort(key=lambda item: -item.far)
        return placed

    def _travelled(self, time: float) -> float:
        return SPEED * time - 3.0 * math.cos(0.31 * time) + 40.0

    def _traffic(self, time: float, here: float) -> Iterator[Placed]:
        gap = 15.0 + 4.0 * math.sin(0.21 * time + 0.6)
        yield from self._car(3, LANE + 0.1 * math.sin(0.3 * time), here + gap, True, TRAFFIC << 16)
        beat = 2.7  # s between the oncoming cars
        for number in range(math.floor(time / beat) - 1, math.floor(time / beat) + 5):
            rng = np.random.default_rng([self._seed, 3, number % 2**32])
            meeting = (number + rng.uniform(0, 0.7)) * beat
            s = self._travelled(meeting) + 11.0 * (meeting - time)
            if -6 < s - here < SIGHT:
                kind, d = int(rng.integers(18)), -LANE + rng.uniform(-0.2, 0.2)
                yield from self._car(kind, d, s, False, TRAFFIC << 16 | (number + 2) % 2**16)

    def _car(self, kind: int, d: float, s: float, away: bool, label: int) -> Iterator[Placed]:
        """Place a car whose end nearer to us, rear if it goes `away`, stands at about s."""
        moving = label >> 16 == TRAFFIC
        angle = math.atan(axis_slope(s)) + (0.0 if away else math.pi)
        turn = np.array(
            (
                (math.cos(angle), 0, math.sin(angle)),
                (0, 1, 0),
                (-math.sin(angle), 0, math.cos(angle)),
            )
        )
        start = s if away else s + 4.3  # where its rear is
        for order, face in enumerate(local_faces(kind, self._night, moving)):
            placed = turn @ face.plane
            placed[:, 2] += _at(d, start)
            yield Placed(face, placed, s - 1e-3 * order, label)

    def _cell(self, number: int) -> list[Placed]:
        """Furnish a cell of the street."""
        if number not in self._cells:
            if len(self._cells) > 64:
                self._cells.clear()
            rng = np.random.default_rng([self._seed, 1, number % 2**32])
            things: list[Placed] = []
            label = (number % 2**12) << 4
            for side in (-1, 1):
                half = label | (8 if side > 0 else 0)
                self._buildings(number, side, half, things)
                self._trees(rng, side, number * CELL, half, things)
                self._parked(rng, side, number * CELL, half, things)
            self._lamp(1 if number % 2 else -1, number * CELL + 9.0, label, things)
            self._cells[number] = things
        return self._cells[number]

    def _fronts(self, cell: int, side: int) -> list[Front]:
        """List the buildings on one side of a cell, nearest first."""
        rng = np.random.default_rng([self._seed, 5, cell % 2**32, side + 1])
        widths = ((20,), (16,), (10, 10))[int(rng.integers(3))]
        kinds = [int(rng.integers(len(self._paint.facades[width]))) for width in widths]
        return [
            Front(cell * CELL + 10.0 * count, float(width), *self._paint.facades[width][kind])
            for count, (width, kind) in enumerate(zip(widths, kinds, strict=True))
        ]

    def _buildings(self, cell: int, side: int, label: int, things: list[Placed]) -> None:
        before = self._fronts(cell - 1, side)[-1]
        d, back = side * FRONT, side * (FRONT + 7)
        bright = 0.95 if side > 0 or self._night else 0.74  # by day the sun stands on the left
        for count, front in enumerate(self._fronts(cell, side)):
            s0, s1, tall = front.start, front.start + front.width, front.tall
            tag = BUILDING << 16 | label | count
            # Seen from the road, the right-hand front begins at its far end.
            left, right = (s1, s0) if side > 0 else (s0, s1)
            whole = _between(_at(d, left, -tall), _at(d, right, -tall), _at(d, left))
            bays = int(front.width // 5)
            for bay in range(bays):  # each of its own sharpness
                u0, u1 = bay / bays, (bay + 1) / bays
                strip = Face(
                    whole,
                    front.paint,
                    gain=bright,
                    lit=True,
                    outline=((u0, 0), (u1, 0), (u1, 1), (u0, 1)),
                )
                end = left + (right - left) * (u0 if side > 0 else u1)
                things.append(Placed(strip, whole, end - 0.1, tag))
            touching = before.start + before.width == s0
            shown = 1 - before.tall / tall if touching else 1.0  # of the end wall, from its top
            ridge = -tall - 0.7 * STOREY
            slope = _between(
                _at(d + side * 3, left, ridge), _at(d + side * 3, right, ridge), _at(d, left, -tall)
            )
            roof = self._paint.roofs[count]
            things.append(Placed(Face(slope, roof, gain=bright, lit=True), slope, s1 - 0.1, tag))
            if shown > 0:
                ends = (d, back) if side > 0 else (back, d)
                low = -tall * (1 - shown)
                wall = _between(
                    _at(ends[0], s0, -tall), _at(ends[1], s0, -tall), _at(ends[0], s0, low)
                )
                things.append(Placed(Face(wall, front.wall, gain=0.9, lit=True), wall, s0, tag))
            before = front

    def _trees(
        self, rng: np.random.Generator, side: int, s: float, label: int, things: list[Placed]
    ) -> None:
        d = side * 6.75
        for count in range(2):
            if rng.random() < 0.3:
                continue
            kinds = rng.choice(len(self._paint.crowns), 2, replace=False).tolist()
            wide = rng.uniform(4.0, 5.2)
            top = -wide - rng.uniform(1.9, 2.5)
            place = s + 2.0 + 9.5 * count + rng.uniform(0, 4)
            tag = TREE << 16 | label | count
            trunk = plane(
                _at(d - 0.16, place, top + 0.8 * wide), (0.32, 0, 0), (0, -top - 0.8 * wide, 0)
            )
            items = [Placed(Face(trunk, self._paint.trunk), trunk, place, tag)]
            for kind, depth in zip(kinds, (0.5, -0.4), strict=True):
                crown = plane(_at(d - wide / 2, place + depth, top), (wide, 0, 0), (0, wide, 0))
                face = Face(crown, self._paint.crowns[kind], Blend.CUTOUT)
                items.append(Placed(face, crown, place + depth, tag))
            if not self._night:  # the shadow falls to the right and towards us
                ground = plane(_at(d - 1.0, place + 1.4), (5.5, 0, 0), (0, 0, -4.4))
                shadow = Face(ground, self._tree_shadow, Blend.SHADE)
                items.append(Placed(shadow, ground, place + 1.4, tag))
            things += items

    def _parked(
        self, rng: np.random.Generator, side: int, s: float, label: int, things: list[Placed]
    ) -> None:
        for count in range(3):
            kind, taken = int(rng.integers(18)), rng.random() < 0.6
            d, place = side * rng.uniform(4.45, 4.6), s + 0.7 + 6.5 * count + rng.uniform(0, 1)
            if taken:
                things += self._car(kind, d, place, side > 0, PARKED << 16 | label | count)

    def _lamp(self, side: int, s: float, label: int, things: list[Placed]) -> None:
        d, tall, reach = side * 6.05, 7.2, -side * 1.9
        tag = LAMP << 16 | label
        bars = (
            plane(_at(d - 0.07, s, -tall), (0.14, 0, 0), (0, tall, 0)),
            plane(_at(min(d, d + reach), s, -tall - 0.1), (abs(reach), 0, 0), (0, 0.1, 0)),
            plane(_at(d + reach - 0.35, s, -tall - 0.06), (0.7, 0, 0), (0, 0.16, 0)),
        )
        items = [Placed(Face(bar, self._steel), bar, s, tag) for bar in bars]
        if self._night:
            pool = plane(_at(d + reach - 6.5, s + 7), (13, 0, 0), (0, 0, -14))
            glow = plane(_at(d + reach - 0.9, s - 0.1, -tall - 0.9), (1.8, 0, 0), (0, 1.8, 0))
            items.append(Placed(Face(pool, self._lamp_pool, Blend.SHADE), pool, s + 7, tag))
            items.append(Placed(Face(glow, self._lamp_glow, Blend.GLOW), glow, s - 0.1, tag))
        things += items
