# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All learned baselines by name: how each is built from a profile and read from a weights file."""

from collections.abc import Mapping
from dataclasses import dataclass
import difflib
from pathlib import Path
from typing import Any

from siammcvae_core.baselines import mae, mae_st, siammae, videomae
from siammcvae_core.baselines.baseline import LearnedBaseline
from siammcvae_core.baselines.profile import BaselineProfile
from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.model.checkpoint import load_model, stored_system
from siammcvae_core.model.profiles import choose


@dataclass(frozen=True)
class BaselineEntry:
    """A learned baseline: its class and its named profiles, the first of them the smallest."""

    build: Any
    profiles: Mapping[str, BaselineProfile]


LEARNED_BASELINES: Mapping[str, BaselineEntry] = {
    'mae': BaselineEntry(mae.MAE, mae.PROFILES),
    'mae_st': BaselineEntry(mae_st.MAEST, mae_st.PROFILES),
    'videomae': BaselineEntry(videomae.VideoMAE, videomae.PROFILES),
    'siammae': BaselineEntry(siammae.SiamMAE, siammae.PROFILES),
}


def build_baseline(
    system: str, profile: str, changes: Mapping[str, Any], kernel: str = 'adaptive'
) -> LearnedBaseline:
    """Build a new baseline of a named profile with some of its fields changed.

    Raises `InputError` for an unknown system, profile or field.
    """
    if system not in LEARNED_BASELINES:
        near = difflib.get_close_matches(system, LEARNED_BASELINES, n=1)
        hint = f', did you mean {near[0]!r}?' if near else ''
        raise InputError(f'no baseline {system!r} (there are {", ".join(LEARNED_BASELINES)}){hint}')
    kind = LEARNED_BASELINES[system]
    return kind.build(choose(kind.profiles, profile, changes), kernel)


def load_baseline(
    path: Path, system: str | None = None, kernel: str = 'adaptive'
) -> LearnedBaseline:
    """Read a baseline from its weights file: float32, in evaluation mode, on the CPU.

    `system` names the system that is expected, None for any. Raises `WeightsError` with the path
    for a file that cannot be used.
    """
    stored = stored_system(path)
    if stored not in LEARNED_BASELINES or system not in (None, stored):
        expected = repr(system) if system else f'one of {", ".join(LEARNED_BASELINES)}'
        raise WeightsError(f'{path}: holds weights of {stored!r}, expected {expected}')
    kind = LEARNED_BASELINES[stored]
    smallest = next(iter(kind.profiles.values()))
    return load_model(path, kind.build, type(smallest), kernel=kernel)
