# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What can be trained: an adapter per system stands between its network and the one loop.

To add a system: derive from `System` in a module of your own, and enter how it is built in
`SYSTEMS` with a function that imports the module, so that only the chosen one is loaded.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
import difflib
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn, Tensor

from siammcvae_core.errors import InputError


class Batch(NamedTuple):
    """Samples as the loader gives them; frames are RGB grey levels, uint8.

    `references` (B, R, 3, H, W), newest first; `target` (B, 3, H, W); `lost` bool (B, N), True
    where a patch of the target is lost, row by row; `seconds` float32 (B, R) from each reference
    to the target; `damaged` bool (B, R, N) the patches that are lost of references, which are to
    be restored before they serve. The last references of a sample are intact.
    """

    references: Tensor
    target: Tensor
    lost: Tensor
    seconds: Tensor
    damaged: Tensor


class Review(NamedTuple):
    """What validation looks at: losses without noise, restored frames, and the posterior.

    `losses` are scalars as `System.forward` gives them; `restored` uint8 (B, 3, H, W) RGB, the
    target's own pixels where nothing was lost; `mean` and `log_var` (B, T, D) of the latent, None
    for a system without one.
    """

    losses: dict[str, Tensor]
    restored: Tensor
    mean: Tensor | None = None
    log_var: Tensor | None = None


class System(nn.Module, ABC):
    """A network with its loss.

    `size` (height, width) and `patch` in pixels say what samples it takes, `references` how many
    kept frames, `rollout` how many more, damaged ones, between these and the target where a sample
    is a roll-out. All parameters of the module are trained.
    """

    size: tuple[int, int]
    patch: int
    references: int = 1
    rollout: int = 0

    @abstractmethod
    def forward(self, batch: Batch, warmth: float) -> dict[str, Tensor]:
        """Give the scalars of a batch: 'loss' is minimised, the others are logged beside it.

        `warmth` rises from 0 to 1 over the first steps and scales the terms that are warmed up.
        """

    @abstractmethod
    def review(self, batch: Batch) -> Review:
        """Judge a batch in evaluation mode, at full warmth."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the network as a weights file, whole or not at all; raises `WeightsError`."""

    @abstractmethod
    def load(self, path: Path) -> None:
        """Take over a weights file of the same profile; raises `WeightsError` for any other."""


def _siammcvae(profile: str, changes: Mapping[str, Any]) -> System:
    from siammcvae_core.training.siammcvae import build

    return build(profile, changes)


def _drive(profile: str, changes: Mapping[str, Any]) -> System:
    from siammcvae_core.training.drive import build

    return build(profile, changes)


def _peer(system: str, profile: str, changes: Mapping[str, Any]) -> System:
    from siammcvae_core.training.peers import build

    return build(system, profile, changes)


SYSTEMS: dict[str, Callable[[str, Mapping[str, Any]], System]] = {
    'siammcvae': _siammcvae,
    'drive': _drive,
    **{name: partial(_peer, name) for name in ('mae', 'mae_st', 'videomae', 'siammae')},
}
"""By name, what builds a system from the name of its profile and the fields to set otherwise."""


def build_system(name: str, profile: str, changes: Mapping[str, Any]) -> System:
    """Build a system by name; raises InputError for a name, profile or field there is not."""
    if name not in SYSTEMS:
        near = difflib.get_close_matches(name, SYSTEMS, n=1)
        hint = f', did you mean {near[0]!r}?' if near else ''
        raise InputError(f'no system {name!r} (valid: {", ".join(SYSTEMS)}){hint}')
    lists = {key: tuple(v) if isinstance(v, list) else v for key, v in changes.items()}
    return SYSTEMS[name](profile, lists)
