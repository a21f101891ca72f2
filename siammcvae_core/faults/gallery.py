# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A picture of each fault for docs/faults.md: `python -m siammcvae_core.faults.gallery OUT`.

Each shows two frames of one burst and, at the right, the second one's mask.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

import cv2
import numpy as np

from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.errors import InputError
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.simulation.drive import DriveSim

SPECS = (
    'random:0.5',
    'grid:0.75',
    'tube:0.75',
    'motion:0.75',
    'dual:0.75',
    'band:0.25',
    'slices:0.3',
    'block:0.15',
    'dirt:0.2',
    'full',
    'dead_rows:0.03',
    'dead_columns:0.03',
    'noise:0.2',
    'tearing:0.4',
    'freeze',
    'droplets:0.2',
    'glare:0.25',
    'burn:0.2',
    'h264:0.1',
)
SIZE = (640, 360)
PANE = (320, 180)
FIRST = 60  # frame of the rendered drive
BURST = 6
SHOWN = (1, 5)  # of the frames; frame 0 is what the camera delivered before the burst
SEED = 13  # with it the injector leaves frame 0 intact and damages the next BURST frames
QUALITY = 70  # of the JPEG


def picture(spec: str, frames: Sequence[np.ndarray]) -> np.ndarray:
    """Damage `BURST` frames after an intact one with `spec`, such as 'band:0.25'.

    frames: BURST + 1 of them, uint8 (H, W, 3) BGR. Returns two of the damaged frames and the mask
    of the second side by side, uint8 (h, w, 3).
    """
    faults = FaultInjector([spec], 0.5, SEED, BURST)
    damaged = [faults.inject(index, frame) for index, frame in enumerate(frames)]
    panes = [damaged[index].frame for index in SHOWN]
    mask = damaged[SHOWN[-1]].mask
    panes.append(cv2.cvtColor(mask.view(np.uint8) * np.uint8(255), cv2.COLOR_GRAY2BGR))
    return np.hstack([cv2.resize(pane, PANE, interpolation=cv2.INTER_AREA) for pane in panes])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write `faults_NAME.jpg` for each of SPECS; exit status 2 if the folder cannot be written."""
    parser = CommandParser(
        'siammcvae_core.faults.gallery',
        'Write a picture of each camera fault, drawn on the rendered drive.',
    )
    parser.add_argument('out', type=Path, metavar='OUT', help='folder for the pictures')
    return parser.run(write_pictures, arguments)


def write_pictures(options: argparse.Namespace) -> None:
    """Write all pictures; raises InputError if that cannot be done."""
    out = options.out
    drive = DriveSim(SIZE)
    frames = [drive.render(FIRST + step) for step in range(BURST + 1)]
    try:
        out.mkdir(parents=True, exist_ok=True)
        for spec in SPECS:
            file = out / f'faults_{spec.partition(":")[0]}.jpg'
            _, jpeg = cv2.imencode(
                '.jpg', picture(spec, frames), (cv2.IMWRITE_JPEG_QUALITY, QUALITY)
            )
            file.write_bytes(jpeg)
    except OSError as error:
        raise InputError(f'cannot write {error.filename}: {error.strerror}') from error
    print(f'{len(SPECS)} pictures in {out}')


if __name__ == '__main__':
    sys.exit(main())
