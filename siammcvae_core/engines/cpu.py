# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fastest way to compute the drive model on this CPU, found by trying.

Every library that is installed restores one made-up damaged frame of the usual working size. The
fastest serves, provided that its frame is that of PyTorch in float32 but for rounding. What was
found is kept, so that the next start is quick and takes the same: delete it to measure anew.
"""

from contextlib import suppress
from dataclasses import asdict
from functools import partial
from importlib.metadata import PackageNotFoundError, version
import json
import logging
import os
from pathlib import Path
import platform

import torch

from siammcvae_core.engines.autotune import compare, fastest, Make, Tried
from siammcvae_core.engines.drive import DriveEngine
from siammcvae_core.engines.drive_torch import TorchNetwork
from siammcvae_core.errors import InputError
from siammcvae_core.files import cache_folder, read_json, sha256, write_whole

LIBRARIES = ('torch', 'onnxruntime', 'openvino')

_log = logging.getLogger(__name__)


class FastestEngine(DriveEngine):
    """The drive model from a weights file, by the fastest way that agrees with the first.

    Raises `WeightsError` for a file that cannot serve.
    """

    def __init__(self, weights: Path) -> None:
        # Threads that wait for a core somebody else has spin: with all of them, PyTorch was eight
        # times slower on a busy machine. Cameras and perception have a right to the other half.
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))
        self._tried = _recall(weights)
        if not self._tried:
            self._tried = try_all(weights)
            _keep(weights, self._tried)
        best = fastest(self._tried).way
        try:
            super().__init__(weights, ways()[best])
        except InputError:
            raise
        except Exception as error:
            _log.warning('%s does not serve: %s: %s', best, type(error).__name__, error)
            super().__init__(weights)

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs, and say why it is this one."""
        tried = ', '.join(map(str, self._tried))
        missing = [name for name in LIBRARIES if not _version(name)]
        lacks = f'; {" and ".join(missing)} not installed' if missing else ''
        return {**super().describe(), 'choice': f'fastest of {tried}{lacks}'}


def ways(compiled: bool = False) -> dict[str, Make]:
    """List the ways there are, the one that decides what is right first.

    Compiled PyTorch, if asked for: it takes a minute to load and gains little on a CPU.
    """
    found: dict[str, Make] = {
        'torch float32': TorchNetwork,
        'torch bfloat16': partial(TorchNetwork, dtype=torch.bfloat16),
    }
    if compiled:
        found['torch compiled float32'] = partial(TorchNetwork, compiled=True)
        found['torch compiled bfloat16'] = partial(
            TorchNetwork, dtype=torch.bfloat16, compiled=True
        )
    with suppress(ImportError):
        from siammcvae_core.engines.onnx import OnnxNetwork

        found['onnxruntime float32'] = OnnxNetwork
    with suppress(ImportError):
        from siammcvae_core.engines.openvino import OpenVinoNetwork, precisions

        for dtype in precisions():
            found[f'openvino {dtype}'] = partial(OpenVinoNetwork, dtype=dtype)
    return found


def try_all(weights: Path) -> list[Tried]:
    """Try every way; raises `WeightsError` for a file that cannot serve."""
    return compare(weights, ways())


def _recall(weights: Path) -> list[Tried]:
    """Look up what was found before; nothing where anything is different or unreadable."""
    try:
        found = [Tried(**one) for one in read_json(_file(weights))]
        for one in found:
            str(one)  # fails where numbers are none
        return found if fastest(found).way in ways() else []
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, TypeError) as error:
        _log.warning('%s: measured anew: %s', _file(weights), error)
        return []


def _keep(weights: Path, tried: list[Tried]) -> None:
    file = _file(weights)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps([asdict(one) for one in tried], indent=1).encode())
    except OSError as error:
        _log.warning('%s: not kept for the next start: %s', file, error)


def _file(weights: Path) -> Path:
    """Where to keep what was found: one file for all that may change it."""
    versions = [f'{name}{_version(name)}' for name in LIBRARIES]
    machine = f'{platform.node()}-{torch.get_num_threads()}threads'
    return cache_folder() / '-'.join(['choice', sha256(weights)[:16], *versions, machine + '.json'])


def _version(library: str) -> str:
    """Give the version of a library, '' where it is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return ''
