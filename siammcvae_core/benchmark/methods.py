# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is timed: the classical baselines, and the drive model by every library that is installed.

Every method restores a frame as the node does, then pastes intact pixels. What depends on the
references alone, their motion and the encoding of the newest, are stages of their own, which total
times leave out for all methods: the node computes them before a damaged frame arrives.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import numpy as np

from siammcvae_core.baselines.classical import Baseline, BASELINES, UPPER_BOUNDS
from siammcvae_core.benchmark.memory import Memory
from siammcvae_core.engines.stage_timer import StageTimer
from siammcvae_core.errors import InputError
from siammcvae_core.evaluate.samples import DamagedCase
from siammcvae_core.frames import paste
from siammcvae_core.motion.references import References

if TYPE_CHECKING:  # torch is imported for the drive model only
    from siammcvae_core.engines.drive import DriveEngine

DRIVE = 'drive'
"""Stands for the drive model by every library that is installed."""
CLASSICAL = tuple(name for name in BASELINES if name not in UPPER_BOUNDS)
USUAL = (DRIVE, 'copy', 'const_velocity', 'visible_flow', 'block_match', 'telea')
ENCODE, MOTION = 'encode', 'motion'
AHEAD = (ENCODE, MOTION)
"""The stages that total times leave out."""


@dataclass(frozen=True, eq=False)
class TimedMethod:
    """A loaded method to be timed.

    `restore` returns the restored frame, intact pixels pasted, and reads the timer after each
    stage. `memory` measures what the process gained since before the method was loaded.
    """

    name: str
    restore: Callable[[DamagedCase, StageTimer], np.ndarray]
    engine: str = 'classical'
    dtype: str = 'uint8'
    profile: str = ''
    weights: Path | None = None
    memory: Memory = field(default_factory=Memory)


LoadMethod = Callable[[Path], TimedMethod]
"""Loads a method from a weights file."""


def parse_methods(names: Sequence[str]) -> tuple[list[str], dict[str, LoadMethod]]:
    """Split names into classical methods and those of the drive model, by name.

    A library of the drive model is named as in 'onnxruntime_float32'. Imports torch only if one of
    `names` is not classical; raises InputError for an unknown name.
    """
    classical = [name for name in CLASSICAL if name in names]
    others = [name for name in names if name not in CLASSICAL]
    if not others:
        return classical, {}
    if not find_spec('torch'):
        raise InputError(
            f'no method {others[0]!r} without PyTorch (there are {", ".join(CLASSICAL)})'
        )
    from siammcvae_core.engines.cpu import candidates

    usual = [_name(candidate) for candidate in candidates()]
    networks = {
        _name(candidate): partial(_load_engine, candidate)
        for candidate in candidates(compiled=True)
    }
    for name in others:
        if name != DRIVE and name not in networks:
            available = ', '.join((DRIVE, *networks, *CLASSICAL))
            raise InputError(f'no method {name!r} here (there are {available})')
    return classical, {
        name: load
        for name, load in networks.items()
        if name in others or (DRIVE in others and name in usual)
    }


def load_methods(
    classical: Sequence[str], networks: dict[str, LoadMethod], weights: Sequence[Path]
) -> Iterator[TimedMethod]:
    """Load methods one by one; a library that fails is named on stderr and left out.

    Those of the second weights file and any further are named METHOD@FILE. Raises InputError for
    weights that cannot serve.
    """
    for name in classical:
        yield TimedMethod(name, partial(_restore_by_baseline, BASELINES[name]))
    if networks and not weights:
        needy = next(iter(networks))
        raise InputError(f'{needy} needs weights, and the package has none: --weights FILE')
    for (name, load), path in product(networks.items(), weights):
        try:
            method = load(path)
            yield method if path == weights[0] else replace(method, name=f'{name}@{path.stem}')
        except InputError:
            raise
        except Exception as error:
            print(f'{name} left out: {type(error).__name__}: {error}', file=sys.stderr)


def _load_engine(candidate: str, weights: Path) -> TimedMethod:
    from siammcvae_core.engines.cpu import candidates
    from siammcvae_core.engines.drive import DriveEngine

    memory = Memory()
    engine = DriveEngine(weights, candidates(compiled=True)[candidate])
    description = engine.describe()
    return TimedMethod(
        _name(candidate), partial(_restore_by_engine, engine), description['name'],
        description['dtype'], description['profile'], weights, memory,
    )  # fmt: skip


def _name(candidate: str) -> str:
    return candidate.replace(' ', '_')


def _restore_by_baseline(baseline: Baseline, case: DamagedCase, timer: StageTimer) -> np.ndarray:
    references = case.references()
    _prepare_motion(references, timer)
    restored = baseline(references, case.frame, case.mask, case.stamp)
    timer.lap('restore')
    frame = paste(case.frame, restored, case.mask)
    timer.lap('paste')
    return frame


def _restore_by_engine(engine: 'DriveEngine', case: DamagedCase, timer: StageTimer) -> np.ndarray:
    references = case.references()
    references.frames[0].encoded_by(engine.encode_reference)
    timer.lap(ENCODE)
    _prepare_motion(references, timer)
    restored = engine.restore(references, case.frame, case.mask, case.stamp, timer).frame
    frame = paste(case.frame, restored, case.mask)
    timer.lap('paste')
    return frame


def _prepare_motion(references: References, timer: StageTimer) -> None:
    if references.motion is not None:
        references.motion.prepare()
        references.motion.prepare_path()
    timer.lap(MOTION)
