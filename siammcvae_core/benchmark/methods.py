# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is timed: the classical peers, and the drive model by every library that is installed.

Every method restores a frame as the node would, then pastes what was lost. What the kept frames
alone decide, their motion and the encoding of the newest, are stages of their own, which total
times of all methods leave out: the node works them out before a damaged frame comes. The drive
model is timed stage by stage.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from siammcvae_core.baselines.classical import Baseline, BASELINES, UPPER_BOUNDS
from siammcvae_core.benchmark.memory import Memory
from siammcvae_core.errors import InputError
from siammcvae_core.evaluate.samples import DamagedCase
from siammcvae_core.frames import paste
from siammcvae_core.motion.references import References

if TYPE_CHECKING:  # torch is imported for the drive model only
    from siammcvae_core.engines.drive import DriveEngine

DRIVE = 'drive'
"""Stands for the drive model by every library installed."""
CLASSICAL = tuple(name for name in BASELINES if name not in UPPER_BOUNDS)
USUAL = (DRIVE, 'copy', 'const_velocity', 'visible_flow', 'block_match', 'telea')
ENCODE, MOTION = 'encode', 'motion'
AHEAD = (ENCODE, MOTION)
"""The stages that total times leave out."""

Stages = dict[str, float]
"""Seconds by stage, in order."""


@dataclass(frozen=True, eq=False)
class Method:
    """A way to restore frames, ready to be timed.

    `restore` gives the frame with what was lost pasted, and the seconds of its stages; `memory`
    knows what the process gained since before the method was loaded.
    """

    name: str
    restore: Callable[[DamagedCase], tuple[np.ndarray, Stages]]
    engine: str = 'classical'
    dtype: str = 'uint8'
    profile: str = ''
    memory: Memory = field(default_factory=Memory)


def parse_methods(names: Sequence[str]) -> tuple[list[str], dict[str, Callable[[Path], Method]]]:
    """Tell classical methods from those of the drive model, each with what makes it of weights.

    A library of the drive model is named as in 'onnxruntime_float32'. Imports torch only if one of
    `names` is not classical; raises InputError for a name that is nobody's.
    """
    classical = [name for name in CLASSICAL if name in names]
    others = [name for name in names if name not in CLASSICAL]
    if not others:
        return classical, {}
    if not find_spec('torch'):
        raise InputError(
            f'no method {others[0]!r} without PyTorch (there are {", ".join(CLASSICAL)})'
        )
    from siammcvae_core.engines.cpu import ways

    usual = [_name(way) for way in ways()]
    found = {_name(way): partial(_by_engine, way) for way in ways(compiled=True)}
    for name in others:
        if name != DRIVE and name not in found:
            known = ', '.join((DRIVE, *found, *CLASSICAL))
            raise InputError(f'no method {name!r} here (there are {known})')
    return classical, {
        name: make
        for name, make in found.items()
        if name in others or (DRIVE in others and name in usual)
    }


def load(
    classical: Sequence[str], made: dict[str, Callable[[Path], Method]], weights: Path | None
) -> Iterator[Method]:
    """Load methods one after the other; a library that fails is told on stderr and left out.

    Raises InputError for weights that cannot serve.
    """
    for name in classical:
        yield Method(name, partial(_by_baseline, BASELINES[name]))
    for name, make in made.items():
        if weights is None:
            raise InputError(f'{name} needs weights, and the package has none: give --weights')
        try:
            yield make(weights)
        except InputError:
            raise
        except Exception as error:
            print(f'{name} left out: {type(error).__name__}: {error}', file=sys.stderr)


def _by_baseline(baseline: Baseline, case: DamagedCase) -> tuple[np.ndarray, Stages]:
    references = case.references()
    times = [time.perf_counter()]
    _prepare(references)
    times.append(time.perf_counter())
    made = baseline(references, case.frame, case.mask, case.stamp)
    times.append(time.perf_counter())
    frame = paste(case.frame, made, case.mask)
    times.append(time.perf_counter())
    return frame, _stages(times, MOTION, 'restore', 'paste')


def _name(way: str) -> str:
    return way.replace(' ', '_')


def _by_engine(way: str, weights: Path) -> Method:
    from siammcvae_core.engines.cpu import ways
    from siammcvae_core.engines.drive import DriveEngine

    memory = Memory()
    engine = DriveEngine(weights, ways(compiled=True)[way])
    told = engine.describe()
    return Method(
        _name(way), partial(_by_stages, engine), told['name'], told['dtype'],
        told['profile'], memory,
    )  # fmt: skip


def _by_stages(engine: 'DriveEngine', case: DamagedCase) -> tuple[np.ndarray, Stages]:
    """Do what `DriveEngine.restore` does, looking at the clock in between."""
    from siammcvae_core.alignment.composite import composite
    from siammcvae_core.alignment.features import extract_features

    references = case.references()
    times = [time.perf_counter()]
    encoded = engine.encode_reference(case.reference_frames[0].frame)
    times.append(time.perf_counter())
    _prepare(references)
    times.append(time.perf_counter())
    known = extract_features(references, case.frame, case.mask, case.stamp)
    times.append(time.perf_counter())
    part = engine.part(known)
    times.append(time.perf_counter())
    outputs = engine.network.restore(encoded, part.inputs)
    times.append(time.perf_counter())
    made = composite(references, known, part.place(outputs), case.mask)
    times.append(time.perf_counter())
    frame = paste(case.frame, made, case.mask)
    times.append(time.perf_counter())
    return frame, _stages(times, *AHEAD, 'features', 'cut', 'network', 'blend', 'paste')


def _prepare(references: References) -> None:
    if references.motion is not None:
        references.motion.prepare()


def _stages(times: Sequence[float], *names: str) -> Stages:
    """Name the seconds between times."""
    return dict(zip(names, np.diff(times).tolist(), strict=True))
