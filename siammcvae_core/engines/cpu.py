# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fastest way to run the drive model on this CPU, found by trying the libraries.

Every library that is installed restores one synthetic damaged frame of the usual working size. The
fastest serves, provided that its frame is that of PyTorch in float32 but for rounding. The result
is cached, so that the next start is quick and chooses the same: delete the file to measure again.
"""

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
import json
import logging
import os
from pathlib import Path
import platform

import torch

from siammcvae_core.engines.autotune import BuildNetwork, fastest, Trial, try_candidates
from siammcvae_core.engines.drive import DriveEngine
from siammcvae_core.engines.drive_torch import TorchNetwork
from siammcvae_core.errors import InputError
from siammcvae_core.files import cache_folder, read_json, sha256, write_whole

LIBRARIES = ('torch', 'onnxruntime', 'openvino')

_log = logging.getLogger(__name__)


class FastestEngine(DriveEngine):
    """The drive model from a weights file, by the fastest library that agrees with PyTorch.

    Raises `WeightsError` for a file that cannot serve.
    """

    def __init__(self, weights: Path) -> None:
        # Threads that wait for a core in use spin: with all of them, PyTorch was eight times slower
        # on a busy machine. The other half of the cores is for cameras and perception.
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))
        self._trials, self._measured_on = _read_trials(weights), _date(_file(weights))
        if not self._trials:
            self._measured_on = ''
            self._trials = try_all(weights)
            _write_trials(weights, self._trials)
        best = fastest(self._trials).candidate
        try:
            super().__init__(weights, candidates()[best])
        except InputError:
            raise
        except Exception as error:
            _log.warning('%s does not serve: %s: %s', best, type(error).__name__, error)
            super().__init__(weights)

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs, and say why it was chosen."""
        trials = ', '.join(map(str, self._trials))
        missing = [name for name in LIBRARIES if not _version(name)]
        lacks = f'; {" and ".join(missing)} not installed' if missing else ''
        when = f', measured on {self._measured_on}' if self._measured_on else ''
        return {**super().describe(), 'choice': f'fastest of {trials}{when}{lacks}'}


def candidates(compiled: bool = False) -> dict[str, BuildNetwork]:
    """List the networks that can be built here by name, the standard of comparison first.

    With `compiled`, compiled PyTorch too: it takes a minute to load and gains little on a CPU.
    """
    networks: dict[str, BuildNetwork] = {
        'torch float32': TorchNetwork,
        'torch bfloat16': partial(TorchNetwork, dtype=torch.bfloat16),
    }
    if compiled:
        networks['torch compiled float32'] = partial(TorchNetwork, compiled=True)
        networks['torch compiled bfloat16'] = partial(
            TorchNetwork, dtype=torch.bfloat16, compiled=True
        )
    with suppress(ImportError):
        from siammcvae_core.engines.onnx import OnnxNetwork

        networks['onnxruntime float32'] = OnnxNetwork
    with suppress(ImportError):
        from siammcvae_core.engines.openvino import OpenVinoNetwork, precisions

        for dtype in precisions():
            networks[f'openvino {dtype}'] = partial(OpenVinoNetwork, dtype=dtype)
    return networks


def try_all(weights: Path) -> list[Trial]:
    """Try every candidate; raises `WeightsError` for a file that cannot serve."""
    return try_candidates(weights, candidates())


def _read_trials(weights: Path) -> list[Trial]:
    """Read cached trials; empty where there are none of this machine and these versions."""
    try:
        trials = [Trial(**fields) for fields in read_json(_file(weights))]
        for trial in trials:
            str(trial)  # raises for values that are no numbers
        return trials if fastest(trials).candidate in candidates() else []
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, TypeError) as error:
        _log.warning('%s: measured anew: %s', _file(weights), error)
        return []


def _write_trials(weights: Path, trials: list[Trial]) -> None:
    file = _file(weights)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps([asdict(trial) for trial in trials], indent=1).encode())
    except OSError as error:
        _log.warning('%s: not cached: %s', file, error)


def _date(file: Path) -> str:
    """Return the day on which a file was written, '' where there is none."""
    try:
        return datetime.fromtimestamp(file.stat().st_mtime).date().isoformat()
    except OSError:
        return ''


def _file(weights: Path) -> Path:
    """Name the cache file after everything that may change the result."""
    versions = [f'{name}{_version(name)}' for name in LIBRARIES]
    machine = f'{platform.node()}-{torch.get_num_threads()}threads'
    name = '-'.join(['autotune', sha256(weights)[:16], *versions, machine])
    return cache_folder() / f'{name}.json'


def _version(library: str) -> str:
    """Look up the version of a library, '' where it is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return ''
