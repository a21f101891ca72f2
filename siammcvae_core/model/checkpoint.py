# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights on disk: safetensors with the model's profile in the metadata; never pickle."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

from safetensors import safe_open, SafetensorError
from safetensors.torch import save
import torch
from torch import nn, Tensor

from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.files import write_whole
from siammcvae_core.model.profiles import BaseProfile, Profile
from siammcvae_core.model.siammcvae import SiamMCVAE

PROFILE_KEY = 'siammcvae_profile'
"""The metadata entry that holds the profile as JSON."""
SYSTEM_KEY = 'siammcvae_system'
"""The metadata entry that names the system; a file without it is of SiamMCVAE."""

P = TypeVar('P', bound=BaseProfile)
M = TypeVar('M', bound=nn.Module)


class HasProfile(Protocol):
    """A module that its profile describes."""

    @property
    def profile(self) -> BaseProfile:
        """Sizes and training choices that the module was built from."""

    def state_dict(self) -> dict[str, Any]:
        """Return all tensors by name."""


def save_checkpoint(path: Path, model: HasProfile, half: bool = False) -> None:
    """Write the model to `path`, in float16 if `half`, else float32.

    The file appears whole or not at all. Raises `WeightsError` for values that are not finite in
    the stored precision, or where the file cannot be written.
    """
    dtype = torch.float16 if half else torch.float32
    tensors = {name: t.to('cpu', dtype).contiguous() for name, t in model.state_dict().items()}
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise WeightsError(f'{path}: not saved, {broken[0]} is not finite as {dtype}')
    described = {SYSTEM_KEY: model.profile.system, PROFILE_KEY: model.profile.to_json()}
    content = save(tensors, {'format': 'pt', **described})
    try:
        write_whole(path, content)
    except OSError as error:
        raise WeightsError(f'{path}: cannot be written: {error.strerror}') from error


def load_checkpoint(path: Path, profile: str | None = None, kernel: str = 'adaptive') -> SiamMCVAE:
    """Read a SiamMCVAE, see `load_model`."""
    return load_model(path, SiamMCVAE, Profile, profile, kernel)


def load_model(
    path: Path,
    build: Callable[[P, str], M],
    profile_type: type[P],
    profile: str | None = None,
    kernel: str = 'adaptive',
) -> M:
    """Read a model in float32, in evaluation mode, on the CPU.

    `build` constructs it from its profile, of the type `profile_type`, and the attention kernel;
    `profile` is the expected name, if any. Raises `WeightsError` with the path for a file that is
    missing, no safetensors, without a profile, of another system or profile, or whose tensors do
    not fit it.
    """
    metadata, tensors = _read(path)
    system = metadata.get(SYSTEM_KEY, Profile.system)
    if system != profile_type.system:
        raise WeightsError(f'{path}: holds weights of {system!r}, expected {profile_type.system!r}')
    try:
        stored = profile_type.from_json(metadata[PROFILE_KEY])
    except InputError as error:
        raise WeightsError(f'{path}: {error}') from error
    if profile is not None and stored.name != profile:
        raise WeightsError(f'{path}: holds profile {stored.name!r}, expected {profile!r}')
    blocks = sum(getattr(stored, f.name) for f in fields(stored) if f.name.endswith('depth'))
    if blocks > len(tensors):
        raise WeightsError(f'{path}: {len(tensors)} tensors for a model of {blocks} blocks')
    with torch.device('meta'):
        model = build(stored, kernel)
    _check_tensors(path, tensors, model.state_dict())
    model.load_state_dict({name: t.float() for name, t in tensors.items()}, assign=True)
    return model.eval()


def stored_system(path: Path) -> str:
    """Name the system a weights file is of; raises `WeightsError` where `load_model` would."""
    return _read(path, names_only=True)[0].get(SYSTEM_KEY, Profile.system)


def _read(path: Path, names_only: bool = False) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        if not path.is_file():
            raise WeightsError(f'{path}: no such weights file')
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            names = () if names_only else file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f'{path}: not a readable safetensors file: {error}') from error
    if PROFILE_KEY not in metadata:
        raise WeightsError(f'{path}: no {PROFILE_KEY} in its metadata, so not weights of ours')
    return metadata, tensors


def _check_tensors(path: Path, stored: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    missing, unexpected = expected.keys() - stored, stored.keys() - expected
    for problem, names in (('misses', missing), ('has unexpected', unexpected)):
        if names:
            first, *others = sorted(names)
            more = f' and {len(others)} more' if others else ''
            raise WeightsError(f'{path}: {problem} tensor {first}{more}')
    for name, tensor in stored.items():
        if tensor.shape != expected[name].shape:
            shapes = f'{tuple(tensor.shape)}, expected {tuple(expected[name].shape)}'
            raise WeightsError(f'{path}: tensor {name} has shape {shapes}')
