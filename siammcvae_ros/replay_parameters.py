# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of `replay_node`, all read once, at its start."""

from functools import partial

from siammcvae_core.faults.camera import FAULTS
from siammcvae_core.faults.masks import WHOLE
from siammcvae_ros.parameters import DeclaredParameter, ParameterTable

_parameter = partial(DeclaredParameter, read_only=True)

PARAMETERS = ParameterTable(
    _parameter(
        'source',
        '',
        "Video file, rosbag2 folder, .mcap or .db3 file, folder of images, or 'sim' / "
        "'sim:night' for the rendered drive ('' = 'sim').",
    ),
    _parameter('topic', '', "Image topic of the bag; '' = its only one."),
    _parameter(
        'camera', '', "Namespace of the camera whose topics are published; '' = the node's."
    ),
    _parameter(
        'rate', 1.0, "Speed: 1.0 = the source's own, 2.0 = twice as fast.", limits=(0.01, 100.0)
    ),
    _parameter(
        'max_hz',
        0.0,
        'Never publish faster than this (frames/s); 0 = unlimited.',
        limits=(0.0, 1000.0),
    ),
    _parameter('loop', False, 'Start over at the end, with the same stamps and faults.'),
    _parameter('start_paused', False, 'Wait for the service ~/pause (data: false) to begin.'),
    _parameter(
        'wait_for_subscribers',
        0,
        'Subscribers of image_raw to wait for before beginning.',
        limits=(0, 100),
    ),
    _parameter('frames', 0, 'Play only so many frames from the start; 0 = all.', limits=(0, 2**31)),
    _parameter(
        'stamp_origin',
        0.0,
        'Stamp of the first frame (s) where the source has no stamps of its own, as a bag has; '
        '0 = the time of start.',
        limits=(0.0, 2.0e9),
    ),
    _parameter('publish_clock', False, "Publish each frame's stamp on /clock, before the frame."),
    _parameter(
        'faults',
        [''],
        "Faults to choose from, such as ['band:0.25', 'freeze']; [''] = none. With the lost share "
        f'after a colon: {", ".join(sorted({*FAULTS} - {*WHOLE}))}; without: {", ".join(WHOLE)}.',
        empty=[''],
    ),
    _parameter(
        'fault_probability', 0.3, 'Share of the frames that are damaged.', limits=(0.0, 1.0)
    ),
    _parameter('fault_burst', 1, 'Frames a fault lasts.', limits=(1, 1000)),
    _parameter(
        'seed', 0, 'Seed of the faults; the same seed damages the same frames.', limits=(0, 2**31)
    ),
    _parameter(
        'mask_scale',
        1,
        'Pixels per cell of fault_mask: 1 = frame size, 16 = patch grid.',
        limits=(1, 256),
    ),
)
