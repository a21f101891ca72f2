# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A drive down a street, rendered in software: frames with real parallax and nothing to download.

The road is ray-cast on the ground plane,

    distance along the ray = camera height / downward component of the ray

and everything else is a flat textured face drawn by its homography, far before near, at twice the
size of the frame.
"""

from collections.abc import Iterator
from itertools import pairwise
import math
from types import SimpleNamespace

import cv2
import numpy as np

from siammcvae_core.errors import InputError
from siammcvae_core.frames import Frame
from siammcvae_core.simulation.faces import Canvas, mip_keys, texels
from siammcvae_core.simulation.scene import (
    axis,
    axis_slope,
    CAMERA_HEIGHT,
    GROUND,
    Placed,
    Pose,
    SIGHT,
    World,
)
from siammcvae_core.simulation.textures import GROUND_LENGTH, GROUND_WIDTH, palette, SKY_SPAN

SUPER = 2  # samples per pixel and axis, averaged
FOCAL = 0.87  # of the width: 60 degrees across
SMALLEST, LARGEST = 32, 4096  # px per side


class DriveSim:
    """A seeded drive of `frames` frames of `size` (width, height) px at `rate` Hz.

    Frames can be rendered in any order; the same arguments give the same pixels. Raises InputError
    for a size, rate or length out of range.
    """

    stamped = False
    broken = note = ''

    def __init__(
        self,
        size: tuple[int, int] = (640, 360),
        rate: float = 10.0,
        frames: int = 300,
        seed: int = 0,
        night: bool = False,
    ) -> None:
        width, height = size
        if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
            raise InputError(
                f'drive size must be {SMALLEST} to {LARGEST} px per side, got {width}x{height}'
            )
        if not 0 < rate <= 1000:
            raise InputError(f'drive rate must be in (0, 1000] Hz, got {rate}')
        if frames < 1:
            raise InputError(f'drive needs at least 1 frame, got {frames}')
        if seed < 0:
            raise InputError(f'drive seed must be 0 or more, got {seed}')
        self.name = 'rendered drive at night' if night else 'rendered drive'
        self.size = (width, height)
        self.rate = rate
        self._frames = frames
        self._night = night
        self._world = World(seed, night)
        self._paint = palette(night)
        self._canvas = (height * SUPER, width * SUPER)
        self._focal = FOCAL * width * SUPER
        self._middle = (width * SUPER / 2, height * SUPER / 2)
        self._lens = np.array(
            ((self._focal, 0, self._middle[0]), (0, self._focal, self._middle[1]), (0, 0, 1))
        )
        columns = np.arange(width * SUPER, dtype=np.float32) + 0.5
        self._ray_x = (columns - self._middle[0]) / self._focal
        if night:
            self._beam = self._headlights()
        self._noise_seed = seed
        rng = np.random.default_rng([seed, 2])
        grain = rng.standard_normal((height + 61, width + 67, 3), np.float32)
        self._grain = np.round(grain * (2.6 if night else 1.1)).astype(np.int16)

    def __len__(self) -> int:
        return self._frames

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self._frames):
            yield Frame(index, round(index * 1e9 / self.rate), self.render(index))

    def render(self, index: int) -> np.ndarray:
        """Draw frame `index`: uint8 (H, W, 3) BGR. Raises IndexError outside the drive."""
        canvas = self._draw(index, None)
        width, height = self.size
        frame = cv2.resize(canvas, self.size, interpolation=cv2.INTER_AREA)
        row, column = np.random.default_rng([self._noise_seed, 4, index]).integers((60, 66))
        grain = self._grain[row : row + height, column : column + width]
        return cv2.add(frame, grain, dtype=cv2.CV_8U)

    def labels(self, index: int) -> np.ndarray:
        """Label what each pixel of frame `index` shows: int32 (H, W), kind << 16 | number.

        The kinds are in `simulation.scene`; a thing keeps its label as long as it is in sight.
        """
        labels = np.zeros(self._canvas, np.int32)
        self._draw(index, labels)
        return np.ascontiguousarray(labels[::SUPER, ::SUPER])

    def camera_info(self) -> SimpleNamespace:
        """Return the camera's calibration with the fields of sensor_msgs/CameraInfo."""
        width, height = self.size
        f, x, y = FOCAL * width, width / 2, height / 2
        return SimpleNamespace(
            width=width,
            height=height,
            distortion_model='plumb_bob',
            d=[0.0] * 5,
            k=[f, 0.0, x, 0.0, f, y, 0.0, 0.0, 1.0],
            r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            p=[f, 0.0, x, 0.0, 0.0, f, y, 0.0, 0.0, 0.0, 1.0, 0.0],
        )

    def _draw(self, index: int, labels: np.ndarray | None) -> np.ndarray:
        if not 0 <= index < self._frames:
            raise IndexError(f'frame {index} of a drive of {self._frames}')
        time = index / self.rate
        pose = self._world.pose(time)
        canvas = Canvas(np.empty((*self._canvas, 3), np.uint8), labels)
        self._draw_sky(canvas.pixels, pose)
        self._draw_ground(canvas, pose)
        self._draw_things(canvas, pose, self._world.visible(time))
        return canvas.pixels

    def _headlights(self) -> np.ndarray:
        """Light on the ground from the horizon downwards, 255 = 1, uint8 (rows, width, 3)."""
        above = max(math.ceil(0.03 * self._focal - self._middle[1]), 0)  # rows over the picture
        rows = np.arange(self._canvas[0] + above) + 0.5
        ahead = CAMERA_HEIGHT * self._focal / rows[:, None]
        light = 255 * np.minimum(_light(ahead * self._ray_x, ahead), 1)
        return np.repeat(np.round(light).astype(np.uint8)[..., None], 3, axis=2)

    def _draw_sky(self, pixels: np.ndarray, pose: Pose) -> None:
        width, height = SKY_SPAN
        far = np.array(((width, 0, -width / 2), (0, height, -height), (0, 0, 1)))
        image = self._paint.sky.image
        rows = min(max(math.ceil(self._horizon(pose) / SUPER), 1), self.size[1])
        onto = np.diag((1 / SUPER, 1 / SUPER, 1)) @ self._lens @ _turn(pose) @ far @ texels(image)
        # It is soft enough to be drawn at the size of the frame.
        sky = cv2.warpPerspective(
            image, onto, (self.size[0], rows), borderMode=cv2.BORDER_REPLICATE
        )
        above = pixels[: rows * SUPER]
        cv2.resize(sky, above.shape[1::-1], dst=above, interpolation=cv2.INTER_LINEAR)

    def _horizon(self, pose: Pose) -> float:
        return self._middle[1] - self._focal * math.tan(pose.pitch)

    def _draw_ground(self, canvas: Canvas, pose: Pose) -> None:
        """Remap the ground in bands of rows that share a mip level; rows are the camera's own x."""
        horizon = math.ceil(self._horizon(pose))
        first = max(horizon, 0)
        if canvas.labels is not None:
            canvas.labels[first:] = GROUND << 16
        ray_y = (np.arange(first, len(canvas.pixels)) + 0.5 - self._middle[1]) / self._focal
        down = ray_y * math.cos(pose.pitch) + math.sin(pose.pitch)
        reach = -pose.position[1] / np.maximum(down, 1e-6)
        ahead = reach * (math.cos(pose.pitch) - ray_y * math.sin(pose.pitch))
        hidden = int(np.count_nonzero(ahead > SIGHT * 2))
        canvas.pixels[first : first + hidden] = self._paint.haze.astype(np.uint8)
        first, ray_y, reach, ahead = first + hidden, ray_y[hidden:], reach[hidden:], ahead[hidden:]
        # Across a row the street's bend is taken as straight; it errs by millimetres.
        sine, cosine = math.sin(pose.yaw), math.cos(pose.yaw)
        along = pose.along + ahead * cosine
        right = pose.position[0] + ahead * sine - axis(along)
        right_step = reach * (cosine + axis_slope(along) * sine)
        along_step = -reach * sine
        height, width = self._paint.ground.image.shape[:2]
        per_metre = width / GROUND_WIDTH, height / GROUND_LENGTH
        shrink_x = per_metre[0] * reach / self._focal
        shrink_y = per_metre[1] * np.abs(np.gradient(ahead))
        keys = mip_keys(np.stack([shrink_x, shrink_y], axis=1))
        bounds = [0, *(np.flatnonzero(np.diff(keys, axis=0).any(axis=1)) + 1).tolist(), len(ahead)]
        haze = _haze(ahead)
        for top, bottom in pairwise(bounds):
            rows = slice(top, bottom)
            image = self._paint.ground.level(*keys[top].tolist())
            scale = image.shape[1] / GROUND_WIDTH, image.shape[0] / GROUND_LENGTH
            columns = (right[rows] + GROUND_WIDTH / 2) * scale[0] - 0.5
            lines = (along[rows] % GROUND_LENGTH) * scale[1] - 0.5
            map_x = _outer(columns, right_step[rows] * scale[0], self._ray_x)
            map_y = _outer(lines, along_step[rows] * scale[1], self._ray_x)
            part = canvas.pixels[first + top : first + bottom]
            cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, dst=part, borderMode=cv2.BORDER_WRAP)
            if self._night:
                light = self._beam[first + top - horizon : first + bottom - horizon]
                cv2.multiply(part, light, dst=part, scale=1 / 255)
            if haze[top] > 0.02:
                weight = haze[rows, None, None]
                part[:] = part + weight * (self._paint.haze - part)

    def _draw_things(self, canvas: Canvas, pose: Pose, things: list[Placed]) -> None:
        planes = np.stack([thing.plane for thing in things])
        planes[:, :, 2] -= pose.position
        behind = np.cross(planes[:, :, 0], planes[:, :, 1])  # where the back of the face looks
        facing = np.einsum('ni,ni->n', behind, planes[:, :, 2]) > 0
        things = [thing for thing, seen in zip(things, facing, strict=True) if seen]
        planes = planes[facing]
        centres = planes @ (0.5, 0.5, 1.0) @ _turn(pose).T
        light = np.array([thing.face.gain for thing in things])
        if self._night:
            lit = np.array([thing.face.lit for thing in things])
            light *= np.where(lit, 1, _light(centres[:, 0], centres[:, 2]))
        canvas.draw(
            [thing.face for thing in things],
            self._lens @ _turn(pose) @ planes,
            [thing.label for thing in things],
            light,
            _haze(centres[:, 2]),
            self._paint.haze,
        )


def _turn(pose: Pose) -> np.ndarray:
    """(3, 3) from the world's directions to the camera's."""
    sine, cosine = math.sin(pose.yaw), math.cos(pose.yaw)
    yaw = np.array(((cosine, 0, -sine), (0, 1, 0), (sine, 0, cosine)))
    sine, cosine = math.sin(pose.pitch), math.cos(pose.pitch)
    pitch = np.array(((1, 0, 0), (0, cosine, -sine), (0, sine, cosine)))
    return pitch @ yaw


def _outer(start: np.ndarray, step: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Give start + step * across as float32 (rows, columns)."""
    grid = np.multiply.outer(step.astype(np.float32), across)
    grid += start.astype(np.float32)[:, None]
    return grid


def _haze(ahead: np.ndarray | float) -> np.ndarray:
    """Share of the haze's colour at a distance in m; 1 from the end of sight on.

    1 - exp(-(distance / 160)^1.5), faded to 1 towards the end of sight
    """
    thin = 1 - np.exp(-((np.maximum(ahead, 0.0) / 160.0) ** 1.5))
    return thin + (1 - thin) * np.clip((np.asarray(ahead) - 0.75 * SIGHT) / (0.22 * SIGHT), 0, 1)


def _light(side: np.ndarray | float, ahead: np.ndarray | float) -> np.ndarray:
    """Light of the night, ambient and headlights, `side` m right and `ahead` m ahead of us."""
    beam = np.exp(-((side / (1.6 + 0.2 * ahead)) ** 2)) / (1 + (ahead / 18.0) ** 2)
    return 0.17 + 0.8 * beam * np.clip((np.asarray(ahead) - 1.0) / 5.0, 0, 1)
