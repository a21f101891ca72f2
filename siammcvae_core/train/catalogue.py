# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The systems that can be trained, by name.

To add a system: derive from `TrainingSystem` in a module of your own, and enter how it is built in
`SYSTEMS` with a function that imports the module, so that only the chosen one is loaded.
"""

from collections.abc import Callable, Mapping
import difflib
from functools import partial
from typing import Any

from siammcvae_core.errors import InputError
from siammcvae_core.train.system import TrainingSystem


def _siammcvae(profile: str, changes: Mapping[str, Any]) -> TrainingSystem:
    from siammcvae_core.train.siammcvae import build

    return build(profile, changes)


def _drive(profile: str, changes: Mapping[str, Any]) -> TrainingSystem:
    from siammcvae_core.train.drive import build

    return build(profile, changes)


def _ode2_facvae(profile: str, changes: Mapping[str, Any]) -> TrainingSystem:
    from siammcvae_core.train.ode2_facvae import build

    return build(profile, changes)


def _baseline(system: str, profile: str, changes: Mapping[str, Any]) -> TrainingSystem:
    from siammcvae_core.train.baselines import build

    return build(system, profile, changes)


SYSTEMS: dict[str, Callable[[str, Mapping[str, Any]], TrainingSystem]] = {
    'siammcvae': _siammcvae,
    'drive': _drive,
    'ode2_facvae': _ode2_facvae,
    **{name: partial(_baseline, name) for name in ('mae', 'mae_st', 'videomae', 'siammae')},
}
"""By name, what builds a system from the name of its profile and the fields to set otherwise."""


def build_system(name: str, profile: str, changes: Mapping[str, Any]) -> TrainingSystem:
    """Build a system by name; raises InputError for a name, profile or field there is not."""
    if name not in SYSTEMS:
        near = difflib.get_close_matches(name, SYSTEMS, n=1)
        hint = f', did you mean {near[0]!r}?' if near else ''
        raise InputError(f'no system {name!r} (valid: {", ".join(SYSTEMS)}){hint}')
    lists = {key: tuple(v) if isinstance(v, list) else v for key, v in changes.items()}
    return SYSTEMS[name](profile, lists)
