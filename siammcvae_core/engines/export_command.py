# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line: `python -m siammcvae_core.engines export WEIGHTS OUT` writes the model as ONNX."""

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np

from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.commands.values import parse_size
from siammcvae_core.errors import InputError
from siammcvae_core.files import write_whole

DESCRIPTION = """\
Write the drive model as two ONNX files, encode_reference.onnx and restore.onnx. They serve every
size of frame and every amount of damage. With --whole the whole restoration instead, alignment and
composite included, for frames of one size: keep_pair.onnx and restore_frame.onnx. Needs PyTorch and
the package onnx.
"""
FAULTS = ('random:0.75', 'band:0.25', 'block:0.05', 'random:1')
BOUND = 1e-3  # of any output; grey levels, pixels and weights all are of order 1 or more


def parser() -> CommandParser:
    """Describe the command line."""
    p = CommandParser('siammcvae_core.engines export', DESCRIPTION)
    p.add_argument('weights', type=Path, help='weights file of the drive model')
    p.add_argument('out', type=Path, help='folder to write to')
    p.add_argument('--engine', choices=['onnx'], default='onnx', help='what to write')
    p.add_argument('--whole', metavar='WxH', help='write the whole restoration of such frames')
    p.add_argument('--check', action='store_true', help='compare ONNX Runtime with PyTorch')
    p.add_argument('--size', default='640x368', help='working size of the check, whole patches')
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Export; exit status 0, 1 where the check fails, 2 for bad input."""
    return parser().run(export, arguments)


def export(options: argparse.Namespace) -> int:
    """Write the files and check them. Raises InputError for what the user can correct."""
    import_module('onnx')  # PyTorch only says in the middle of a long error that it is missing
    if options.whole:
        return export_whole(options.weights, options.out, parse_size(options.whole))
    from siammcvae_core.engines import onnx_export

    size = parse_size(options.size)
    modules = onnx_export.export(options.weights)
    contents = modules.encode_reference, modules.restore
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in zip(onnx_export.MODULES, contents, strict=True):
        path = options.out / f'{name}.onnx'
        write_whole(path, content)
        print(f'{path}  {len(content) / 1e6:.1f} MB')
    return check(options.weights, size) if options.check else 0


def export_whole(weights: Path, out: Path, size: tuple[int, int]) -> int:
    """Write the whole restoration of frames of a size, and count its operators."""
    from siammcvae_core.engines.program_export import count_nodes, export_program
    from siammcvae_core.model.checkpoint import load_model
    from siammcvae_core.model.drive import DriveMCVAE
    from siammcvae_core.model.profiles import DriveProfile

    model = load_model(weights, DriveMCVAE, DriveProfile, kernel='standard').eval()
    out.mkdir(parents=True, exist_ok=True)
    for name, content in export_program(model, size).items():
        path, nodes = out / f'{name}.onnx', count_nodes(content)
        write_whole(path, content)
        common = ', '.join(f'{count} {operator}' for operator, count in nodes.most_common(4))
        print(f'{path}  {len(content) / 1e6:.1f} MB  {nodes.total()} operators: {common}, …')
    return 0


def check(weights: Path, size: tuple[int, int]) -> int:
    """Print how far ONNX Runtime is off PyTorch; returns 1 if that is more than `BOUND`."""
    from siammcvae_core.alignment.features import CHANNELS, lost_patches, visible
    from siammcvae_core.engines.crop import crop_damage, frame_patches
    from siammcvae_core.engines.drive_torch import TorchNetwork
    from siammcvae_core.engines.network import Network, RESTORE_OUTPUTS
    from siammcvae_core.engines.onnx import OnnxNetwork
    from siammcvae_core.faults.masks import make_mask

    networks: list[Network] = [TorchNetwork(weights), OnnxNetwork(weights)]
    patch, cell = networks[0].patch, networks[0].cell
    height, width = size
    if height % patch or width % patch:
        raise InputError(f'--size must be in multiples of {patch}, got {width}x{height}')
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (height, width, 3), np.uint8)
    features = rng.normal(size=(len(CHANNELS), height // cell, width // cell)).astype(np.float32)
    grid = height // patch, width // patch
    source = rng.permutation(grid[0] * grid[1])
    tokens = [network.encode(frame_patches(frame, patch)) for network in networks]
    worst = 0.0
    for fault in FAULTS:
        lost = lost_patches(visible(make_mask(fault, size, rng), (width, height)))
        inputs = crop_damage(frame, features, source, lost).inputs
        expected, outputs = (
            network.restore(token, inputs) for network, token in zip(networks, tokens, strict=True)
        )
        off = [
            float(np.abs(one - other).max()) for one, other in zip(expected, outputs, strict=True)
        ]
        named = ', '.join(f'{k} {v:.1e}' for k, v in zip(RESTORE_OUTPUTS, off, strict=True))
        print(f'{fault:12} largest difference: {named}')
        worst = max(worst, *off)
    print('the same but for rounding' if worst <= BOUND else f'differs by more than {BOUND}')
    return int(worst > BOUND)
