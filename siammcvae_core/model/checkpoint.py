# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights on disk: safetensors with the model's profile in the metadata; never pickle."""

import hashlib
import os
from pathlib import Path
import tempfile

from safetensors import safe_open, SafetensorError
from safetensors.torch import save
import torch
from torch import Tensor

from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.model.profiles import Profile
from siammcvae_core.model.siammcvae import SiamMCVAE

PROFILE_KEY = 'siammcvae_profile'
"""The metadata entry that holds the profile as JSON."""


def save_checkpoint(path: Path, model: SiamMCVAE, half: bool = False) -> None:
    """Write the model to `path`, in float16 if `half`, else float32.

    The file appears whole or not at all. Raises `WeightsError` for values that are not finite in
    the stored precision, or where the file cannot be written.
    """
    dtype = torch.float16 if half else torch.float32
    tensors = {name: t.to('cpu', dtype).contiguous() for name, t in model.state_dict().items()}
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise WeightsError(f'{path}: not saved, {broken[0]} is not finite as {dtype}')
    content = save(tensors, {'format': 'pt', PROFILE_KEY: model.profile.to_json()})
    try:
        _write_atomically(path, content)
    except OSError as error:
        raise WeightsError(f'{path}: cannot be written: {error.strerror}') from error


def load_checkpoint(path: Path, profile: str | None = None, kernel: str = 'adaptive') -> SiamMCVAE:
    """Read a model in float32, in evaluation mode, on the CPU.

    `profile` names the one that is expected. Raises `WeightsError` with the path for a file that is
    missing, no safetensors, without a profile, of another profile, or whose tensors do not fit it.
    """
    stored, tensors = _read(path)
    try:
        described = Profile.from_json(stored)
    except InputError as error:
        raise WeightsError(f'{path}: {error}') from error
    if profile is not None and described.name != profile:
        raise WeightsError(f'{path}: holds profile {described.name!r}, expected {profile!r}')
    with torch.device('meta'):
        model = SiamMCVAE(described, kernel)
    _check_tensors(path, tensors, model.state_dict())
    model.load_state_dict({name: t.float() for name, t in tensors.items()}, assign=True)
    return model.eval()


def sha256(path: Path) -> str:
    """Hash a file, as hexadecimal digits."""
    with path.open('rb') as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _read(path: Path) -> tuple[str, dict[str, Tensor]]:
    if not path.is_file():
        raise WeightsError(f'{path}: no such weights file')
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f'{path}: not a readable safetensors file: {error}') from error
    if PROFILE_KEY not in metadata:
        raise WeightsError(f'{path}: no {PROFILE_KEY} in its metadata, so not weights of SiamMCVAE')
    return metadata[PROFILE_KEY], tensors


def _check_tensors(path: Path, came: dict[str, Tensor], due: dict[str, Tensor]) -> None:
    for problem, names in (('misses', due.keys() - came), ('has unexpected', came.keys() - due)):
        if names:
            first, *others = sorted(names)
            more = f' and {len(others)} more' if others else ''
            raise WeightsError(f'{path}: {problem} tensor {first}{more}')
    for name, tensor in came.items():
        if tensor.shape != due[name].shape:
            shapes = f'{tuple(tensor.shape)}, expected {tuple(due[name].shape)}'
            raise WeightsError(f'{path}: tensor {name} has shape {shapes}')


def _write_atomically(path: Path, content: bytes) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; weights are for whoever may read the folder.
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
