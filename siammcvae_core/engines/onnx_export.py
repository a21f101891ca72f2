# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the drive model as ONNX, made by PyTorch and kept between runs.

One file serves every size of frame and every amount of damage. What is kept is told apart by the
weights and by what made it, and checked when read: anything else is made anew. A cache that cannot
be written costs time only.
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

from siammcvae_core.alignment.features import CELL, CHANNELS
from siammcvae_core.engines.network import (
    ENCODE_INPUTS,
    ENCODE_OUTPUTS,
    RESTORE_INPUTS,
    RESTORE_OUTPUTS,
)
from siammcvae_core.files import cache_folder, read_json, sha256, write_whole
from siammcvae_core.model.checkpoint import load_model
from siammcvae_core.model.drive import DriveMCVAE
from siammcvae_core.model.drive_export import EncodeReference, RestorePart
from siammcvae_core.model.profiles import DriveProfile

OPSET = 17
PARTS = ('encode_reference', 'restore')
FORM = 2  # of the exported parts: one more whenever what they take or give changes
LENGTHS = {
    'tokens': {1: 'N'},
    'picture': {1: 'K'}, 'place': {1: 'K'}, 'visible': {1: 'K'},
    'features': {2: 'h and halo', 3: 'w and halo'}, 'inside': {2: 'h and ring', 3: 'w and ring'},
    'source': {0: 'A'}, 'own': {0: 'A'}, 'patch': {0: 'A'}, 'active': {1: 'A'},
    'spread': {0: 'rows', 1: 'columns'},
    **{name: {2: 'h', 3: 'w'} for name in RESTORE_OUTPUTS},
}  # fmt: skip
"""Names of the axes of any length."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exported:
    """Both parts as ONNX files, and the profile of the weights in them."""

    encode_reference: bytes
    restore: bytes
    profile: DriveProfile
    sha256: str


def export(weights: Path) -> Exported:
    """Turn a weights file into ONNX; raises `WeightsError` for a file that cannot serve."""
    # Fused attention kernels export to twice the operators.
    model = load_model(weights, DriveMCVAE, DriveProfile, kernel='standard')
    profile = model.profile
    side = profile.patch // CELL
    patches = torch.zeros(1, 6, 3 * profile.patch**2)
    place = torch.zeros(1, 6, 2)
    some = torch.zeros(4, dtype=torch.long)
    example = (
        torch.zeros(1, 8, profile.latent), patches, place, torch.ones(1, 6, dtype=torch.bool),
        torch.zeros(1, len(CHANNELS), 2 * side + 4, 3 * side + 4),
        torch.ones(1, 1, 2 * side + 2, 3 * side + 2), some, some, some,
        torch.ones(1, 4, dtype=torch.bool), torch.zeros(2, 3, dtype=torch.long),
    )  # fmt: skip
    encode = EncodeReference(model)
    return Exported(
        _to_onnx(encode, (patches, place), ENCODE_INPUTS, ENCODE_OUTPUTS),
        _to_onnx(RestorePart(model), example, RESTORE_INPUTS, RESTORE_OUTPUTS),
        profile,
        sha256(weights),
    )


def exported(weights: Path) -> Exported:
    """Fetch the parts of a weights file from the cache, or make and keep them."""
    digest = sha256(weights)
    folder = cache_folder() / f'onnx-{digest[:16]}-torch{torch.__version__}-{FORM}'
    try:
        return _read(folder, digest)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning('%s: made anew, %s', folder, error or type(error).__name__)
    made = export(weights)
    try:
        _write(folder, made)
    except OSError as error:
        _log.warning('%s: not kept for the next start: %s', folder, error)
    return made


def _to_onnx(
    part: nn.Module, example: tuple[torch.Tensor, ...], inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> bytes:  # fmt: skip
    axes = {name: LENGTHS[name] for name in (*inputs, *outputs) if name in LENGTHS}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # PyTorch's, about checks of shapes that are constants
        file = Path(folder) / 'part.onnx'
        torch.onnx.export(
            part.eval(), example, file, input_names=list(inputs), output_names=list(outputs),
            dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        return file.read_bytes()


def _read(folder: Path, digest: str) -> Exported:
    """Read what `_write` wrote; raises ValueError for anything else."""
    about = read_json(folder / 'about.json')
    if about['weights'] != digest:
        raise ValueError(f'it is of the weights {about["weights"]}')
    encode, restore = ((folder / f'{name}.onnx').read_bytes() for name in PARTS)
    if _digests(encode, restore, about['profile']) != about['parts']:
        raise ValueError('the files are not those that were written')
    return Exported(encode, restore, DriveProfile.from_json(about['profile']), digest)


def _write(folder: Path, made: Exported) -> None:
    """Write both parts, then the file that vouches for them."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = made.encode_reference, made.restore
    for name, content in zip(PARTS, contents, strict=True):
        write_whole(folder / f'{name}.onnx', content)
    about = {
        'weights': made.sha256,
        'profile': made.profile.to_json(),
        'parts': _digests(*contents, made.profile.to_json()),
        'opset': OPSET,
        'torch': torch.__version__,
    }
    write_whole(folder / 'about.json', json.dumps(about, indent=1).encode())


def _digests(encode: bytes, restore: bytes, profile: str) -> list[str]:
    return [hashlib.sha256(part).hexdigest() for part in (encode, restore, profile.encode())]
