# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The damaged frames that every method is timed on, at each size and with each damage."""

from collections.abc import Sequence
from typing import NamedTuple

from siammcvae_core.commands.values import parse_list, parse_numbers, parse_size
from siammcvae_core.data.pairs import Gap
from siammcvae_core.data.sources import open_source
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.evaluate.samples import choose_frames, DamagedCase, draw_cases
from siammcvae_core.faults.masks import parse_fault
from siammcvae_core.simulation.drive import DriveSim

SIZES = '224x224,640x368,1280x720'
MASKS = 'block:0.05,random:0.05,band:0.25,random:0.75,full'
SCENES = 3  # at least, so that no result depends on a single frame
APART = 6  # frames of the rendered drive between two scenes
SMALLEST, LARGEST = 32, 4096  # pixels a side
GAP = Gap(1)


class Cell(NamedTuple):
    """A size (height, width) and a damage, with one case per scene."""

    size: tuple[int, int]
    mask: str
    cases: tuple[DamagedCase, ...]

    @property
    def name(self) -> str:
        """The size as WIDTHxHEIGHT."""
        return f'{self.size[1]}x{self.size[0]}'

    @property
    def ratio(self) -> float:
        """Share of the pixels that is lost."""
        return parse_fault(self.mask)[1]


def draw_cells(
    data: str, sizes: Sequence[tuple[int, int]], masks: Sequence[str], cameras: int
) -> list[Cell]:
    """Draw cells of one scene per camera, SCENES at least; the same arguments give the same pixels.

    `data` is a clip as `open_source` takes it, scaled to each size; '' for the rendered drive,
    which is drawn at each size. Raises InputError.
    """
    scenes = max(SCENES, cameras)
    return [
        Cell(size, mask, tuple(case for case in cases if case.mask_spec == mask))
        for size in sizes
        for cases in [_cases(data, size, masks, scenes)]
        for mask in masks
    ]


def _cases(
    data: str, size: tuple[int, int], masks: Sequence[str], scenes: int
) -> list[DamagedCase]:
    if not data:
        chosen = [2 + APART * scene for scene in range(scenes)]
        drive = DriveSim(size=size[::-1], frames=chosen[-1] + 1)
        return list(draw_cases(drive, drive.name, chosen, masks, (GAP,), size, 0))
    source = open_source(data)
    chosen = choose_frames(source, source.name, (GAP,), 0, scenes)
    if len(chosen) < scenes:
        raise SourceError(f'{data}: has {len(chosen)} frames with two before, {scenes} are needed')
    return list(draw_cases(source, source.name, chosen, masks, (GAP,), size, 0))


def parse_sizes(text: str) -> tuple[tuple[int, int], ...]:
    """Read '224x224,640x368' as (height, width) each; InputError for anything else."""
    sizes = tuple(parse_size(part) for part in parse_list(text, '--sizes'))
    for height, width in sizes:
        if min(height, width) < SMALLEST or max(height, width) > LARGEST:
            raise InputError(
                f'--sizes must be {SMALLEST} to {LARGEST} pixels a side, got {width}x{height}'
            )
    return tuple(dict.fromkeys(sizes))


def parse_cameras(text: str) -> tuple[int, ...]:
    """Read '1,4,8'; InputError for anything else."""
    cameras = parse_numbers(text, '--cameras')
    if min(cameras) < 1:
        raise InputError(f'--cameras must be 1 or more, got {min(cameras)}')
    return tuple(dict.fromkeys(cameras))
