# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights files: whole there and back, refused with their path and the reason."""

from collections.abc import Callable
import json
import os
from pathlib import Path
import pickle

import pytest
from safetensors.torch import load_file, save_file
import torch

from siammcvae_core.errors import WeightsError
from siammcvae_core.model import checkpoint
from siammcvae_core.model.profiles import Profile
from siammcvae_core.model.siammcvae import SiamMCVAE

Build = Callable[..., SiamMCVAE]


@pytest.fixture
def weights(tmp_path: Path, build: Build, small: Profile) -> Path:
    path = tmp_path / 'small.safetensors'
    checkpoint.save_checkpoint(path, build(small))
    return path


def rewrite(path: Path, **changes: object) -> None:
    """Write the file anew, with tensors replaced, added or (None) left out, or other metadata."""
    tensors = load_file(path)
    metadata = changes.pop('metadata', None)
    if metadata is None:
        metadata = {checkpoint.PROFILE_KEY: checkpoint.load_checkpoint(path).profile.to_json()}
    tensors = {k: v for k, v in (tensors | changes).items() if v is not None}
    save_file(tensors, path, metadata)


def refusal(path: Path, profile: str | None = None) -> str:
    with pytest.raises(WeightsError) as error:
        checkpoint.load_checkpoint(path, profile)
    message = str(error.value)
    assert message.startswith(f'{path}: ')
    assert '\n' not in message
    return message


@pytest.mark.parametrize('half', [False, True])
def test_round_trip(tmp_path: Path, build: Build, small: Profile, half: bool) -> None:
    path, model = tmp_path / 'w.safetensors', build(small)
    checkpoint.save_checkpoint(path, model, half)
    loaded = checkpoint.load_checkpoint(path, small.name)
    assert loaded.profile == small
    assert not loaded.training
    stored = {t.dtype for t in load_file(path).values()}
    assert stored == {torch.float16 if half else torch.float32}
    for name, tensor in model.state_dict().items():
        expected = tensor.half().float() if half else tensor
        assert torch.equal(loaded.state_dict()[name], expected)
        assert loaded.state_dict()[name].dtype == torch.float32


def test_a_loaded_model_runs_and_trains(weights: Path) -> None:
    model = checkpoint.load_checkpoint(weights, kernel='standard')
    frame, lost = torch.randn(1, 3, 8, 8), torch.tensor([[True, False, True, False]])
    model(frame, frame, lost).patches.sum().backward()
    assert model.mask_token.grad is not None


def test_writing_replaces_the_file_whole(
    weights: Path, build: Build, small: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = weights.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', fail)
    with pytest.raises(WeightsError, match=r'small\.safetensors: cannot be written: No space'):
        checkpoint.save_checkpoint(weights, build(small))
    assert weights.read_bytes() == before
    assert [p.name for p in weights.parent.iterdir()] == [weights.name]


def test_an_unwritable_folder_is_named(tmp_path: Path, build: Build, small: Profile) -> None:
    path = tmp_path / 'absent' / 'w.safetensors'
    with pytest.raises(WeightsError, match=f'{path}: cannot be written'):
        checkpoint.save_checkpoint(path, build(small))


@pytest.mark.parametrize('value', [float('nan'), 1e6])
def test_values_that_half_precision_cannot_hold_are_not_saved(
    tmp_path: Path, build: Build, small: Profile, value: float
) -> None:
    model, path = build(small), tmp_path / 'w.safetensors'
    with torch.no_grad():
        model.mask_token[0] = value
    with pytest.raises(WeightsError, match='mask_token is not finite'):
        checkpoint.save_checkpoint(path, model, half=True)
    assert not path.exists()


def test_missing_file(tmp_path: Path) -> None:
    assert 'no such' in refusal(tmp_path / 'absent.safetensors')
    assert 'no such' in refusal(tmp_path)


@pytest.mark.parametrize('content', [b'', b'not weights', pickle.dumps({'a': 1}), b'\xff' * 64])
def test_other_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'w.safetensors'
    path.write_bytes(content)
    assert 'not a readable safetensors' in refusal(path)


def test_cut_off_file(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-100])
    assert 'not a readable safetensors' in refusal(weights)


def test_missing_metadata(weights: Path) -> None:
    rewrite(weights, metadata={'other': '1'})
    assert checkpoint.PROFILE_KEY in refusal(weights)
    save_file(load_file(weights), weights)
    assert checkpoint.PROFILE_KEY in refusal(weights)


def test_metadata_that_is_no_profile(weights: Path, small: Profile) -> None:
    rewrite(weights, metadata={checkpoint.PROFILE_KEY: '{"name": "x"}'})
    assert 'not a profile' in refusal(weights)
    broken = json.loads(small.to_json()) | {'heads': 3}
    rewrite(weights, metadata={checkpoint.PROFILE_KEY: json.dumps(broken)})
    assert 'multiple of heads' in refusal(weights)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'depth': 60_000}, 'tensors for a model of 60001 blocks'),
        ({'latent': 10**12}, 'latent must be a positive integer, at most 65536'),
        ({'size': [16, 10**9]}, 'size must be two multiples'),
    ],
)
def test_a_profile_that_asks_for_the_impossible(
    weights: Path, small: Profile, change: dict[str, object], message: str
) -> None:
    stored = json.dumps(json.loads(small.to_json()) | change)
    rewrite(weights, metadata={checkpoint.PROFILE_KEY: stored})
    assert message in refusal(weights)


def test_wrong_profile(weights: Path) -> None:
    message = refusal(weights, 'vit_b')
    assert "'tiny'" in message
    assert "'vit_b'" in message


def test_missing_tensor(weights: Path) -> None:
    rewrite(weights, mask_token=None)
    assert 'misses tensor mask_token' in refusal(weights)


def test_unexpected_tensors(weights: Path) -> None:
    rewrite(weights, extra_b=torch.zeros(1), extra_a=torch.zeros(1))
    assert 'unexpected tensor extra_a and 1 more' in refusal(weights)


def test_tensor_of_another_shape(weights: Path) -> None:
    rewrite(weights, mask_token=torch.zeros(17))
    assert 'mask_token has shape (17,), expected (16,)' in refusal(weights)
