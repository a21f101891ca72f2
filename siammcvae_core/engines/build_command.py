# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line: `python -m siammcvae_core.engines build [WEIGHTS]` builds engines ahead of time."""

import argparse
from collections.abc import Sequence
import logging

from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.engines.engine_cache import BuildPolicy
from siammcvae_core.engines.factory import DRIVE, find_weights
from siammcvae_core.errors import InputError
from siammcvae_core.files import cache_folder

DESCRIPTION = f"""\
Build the TensorRT engines of the drive model for the GPU of this machine, so that nodes start
without delay. Needs PyTorch with CUDA, the package onnx, and tensorrt (part of JetPack) or
tensorrt_rtx.

Engines are cached in {cache_folder() / 'engines'} (XDG_CACHE_HOME moves it).
They serve every size of frame, and only this GPU, these weights and this version of the library:
run it again after an update. The node uses them by itself where they are faster than PyTorch.
"""
EPILOG = """\
policies:
  load_only         only check what is there; exit status 2 where something is missing
  build_if_missing  build what is missing or does not serve
  rebuild           build everything anew
"""
PRECISIONS = ('float16', 'float32')


def parser() -> CommandParser:
    """Describe the command line."""
    p = CommandParser('siammcvae_core.engines build', DESCRIPTION, EPILOG)
    p.add_argument(
        'weights',
        nargs='?',
        default=DRIVE,
        help='weights file, or the name of weights in the package; default: drive',
    )
    policies = [policy.value for policy in BuildPolicy]
    p.add_argument('--policy', choices=policies, default=BuildPolicy.BUILD_IF_MISSING.value)
    p.add_argument(
        '--precision', choices=PRECISIONS, default=PRECISIONS[0],
        help='of products; layer norms and softmax are always float32; nodes take float16',
    )  # fmt: skip
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Build; exit status 0, 1 where the library fails, 2 for what the user can correct."""
    logging.basicConfig(level=logging.WARNING, format='%(message)s')
    return parser().run(build, arguments, failures=(RuntimeError,))


def build(options: argparse.Namespace) -> None:
    """Build or check both engines and print where they are; raises InputError."""
    path = find_weights(options.weights)
    import torch

    if not torch.cuda.is_available():
        raise InputError('PyTorch finds no NVIDIA GPU, and engines are built where they run')
    from siammcvae_core.engines.tensorrt import TensorRtNetwork

    network = TensorRtNetwork(path, BuildPolicy(options.policy), options.precision)
    for module, fetched in network.fetched.items():
        built = 'was there' if fetched.seconds is None else f'built in {fetched.seconds:.1f} s'
        where = fetched.file or 'not cached'
        print(f'{module:17} {built:16} {fetched.size / 1e6:6.1f} MB  {where}')
    description = network.describe()
    print(' '.join(f'{key}={description[key]}' for key in ('name', 'version', 'device', 'dtype')))
