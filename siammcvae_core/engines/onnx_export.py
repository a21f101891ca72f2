# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The two modules of the drive model as ONNX, exported by PyTorch and cached.

One file serves every size of frame and every amount of damage. Cached files are named after the
weights and what exported them, and are checked when read: anything else is exported again. A cache
that cannot be written costs time only.
"""

from dataclasses import dataclass
import hashlib
import json
import logging
from pathlib import Path
import tempfile
import warnings

import torch
from torch import nn

from siammcvae_core.alignment.features import CHANNELS
from siammcvae_core.engines.network import (
    ENCODE_INPUTS,
    ENCODE_OUTPUTS,
    RESTORE_INPUTS,
    RESTORE_OUTPUTS,
)
from siammcvae_core.files import cache_folder, read_json, sha256, write_whole
from siammcvae_core.model.checkpoint import load_model
from siammcvae_core.model.drive import DriveMCVAE
from siammcvae_core.model.drive_export import EncodeReference, RestoreCrop
from siammcvae_core.model.profiles import DriveProfile

OPSET = 17
MODULES = ('encode_reference', 'restore')
FORMAT = 4  # of the exported modules: one more whenever inputs or outputs change
AXES = {
    'reference_tokens': {1: 'N'},
    'patches': {1: 'V'}, 'patch_positions': {1: 'V'}, 'patch_is_visible': {1: 'V'},
    'features': {2: 'kr+4', 3: 'kc+4'}, 'inside_frame': {2: 'kr+2', 3: 'kc+2'},
    'reference_index': {0: 'T'}, 'patch_index': {0: 'T'}, 'crop_index': {0: 'T'},
    'token_is_active': {1: 'T'}, 'token_index': {0: 'r', 1: 'c'},
    **{name: {2: 'kr', 3: 'kc'} for name in RESTORE_OUTPUTS},
}  # fmt: skip
"""Names of the axes of any length, as in `model.drive_export`."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exported:
    """Both modules as ONNX files, and the profile and hash of the weights in them."""

    encode_reference: bytes
    restore: bytes
    profile: DriveProfile
    sha256: str


def export(weights: Path) -> Exported:
    """Export a weights file; raises `WeightsError` for a file that cannot serve."""
    # Fused attention kernels export to twice the operators.
    model = load_model(weights, DriveMCVAE, DriveProfile, kernel='standard')
    profile = model.profile
    side = profile.patch // profile.cell
    patches, positions = torch.zeros(1, 6, 3 * profile.patch**2), torch.zeros(1, 6, 2)
    index = torch.zeros(4, dtype=torch.long)
    example = (
        torch.zeros(1, 8, profile.latent), patches, positions, torch.ones(1, 6, dtype=torch.bool),
        torch.zeros(1, len(CHANNELS), 2 * side + 4, 3 * side + 4),
        torch.ones(1, 1, 2 * side + 2, 3 * side + 2), index, index, index,
        torch.ones(1, 4, dtype=torch.bool), torch.zeros(2, 3, dtype=torch.long),
    )  # fmt: skip
    encode = EncodeReference(model)
    return Exported(
        _to_onnx(encode, (patches, positions), ENCODE_INPUTS, ENCODE_OUTPUTS),
        _to_onnx(RestoreCrop(model), example, RESTORE_INPUTS, RESTORE_OUTPUTS),
        profile,
        sha256(weights),
    )


def exported(weights: Path) -> Exported:
    """Read the modules of a weights file from the cache, or export and cache them."""
    digest = sha256(weights)
    folder = cache_folder() / f'onnx-{digest[:16]}-torch{torch.__version__}-{FORMAT}'
    try:
        return _read(folder, digest)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning('%s: made anew, %s', folder, error or type(error).__name__)
    modules = export(weights)
    try:
        _write(folder, modules)
    except OSError as error:
        _log.warning('%s: not cached: %s', folder, error)
    return modules


def _to_onnx(
    module: nn.Module, example: tuple[torch.Tensor, ...], inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> bytes:  # fmt: skip
    axes = {name: AXES[name] for name in (*inputs, *outputs)}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # PyTorch's, about checks of shapes that are constants
        file = Path(folder) / 'module.onnx'
        torch.onnx.export(
            module.eval(), example, file, input_names=list(inputs), output_names=list(outputs),
            dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        return file.read_bytes()


def _read(folder: Path, digest: str) -> Exported:
    """Read what `_write` wrote; raises ValueError for anything else."""
    about = read_json(folder / 'about.json')
    if about['weights'] != digest:
        raise ValueError(f'it is of the weights {about["weights"]}')
    encode, restore = ((folder / f'{name}.onnx').read_bytes() for name in MODULES)
    if _digests(encode, restore, about['profile']) != about['modules']:
        raise ValueError('the files are not those that were written')
    return Exported(encode, restore, DriveProfile.from_json(about['profile']), digest)


def _write(folder: Path, modules: Exported) -> None:
    """Write both modules, then the file with their hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = modules.encode_reference, modules.restore
    for name, content in zip(MODULES, contents, strict=True):
        write_whole(folder / f'{name}.onnx', content)
    about = {
        'weights': modules.sha256,
        'profile': modules.profile.to_json(),
        'modules': _digests(*contents, modules.profile.to_json()),
        'opset': OPSET,
        'torch': torch.__version__,
    }
    write_whole(folder / 'about.json', json.dumps(about, indent=1).encode())


def _digests(encode: bytes, restore: bytes, profile: str) -> list[str]:
    return [hashlib.sha256(part).hexdigest() for part in (encode, restore, profile.encode())]
