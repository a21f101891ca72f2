# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The damaged part alone is predicted like the whole frame, wherever the damage is."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')

from siammcvae_core.alignment.features import CHANNELS  # noqa: E402
from siammcvae_core.engines.crop import crop_damage, frame_patches, in_steps  # noqa: E402
from siammcvae_core.engines.drive_torch import TorchNetwork  # noqa: E402
from siammcvae_core.engines.network import RESTORE_OUTPUTS  # noqa: E402
from siammcvae_core.model.checkpoint import load_model, save_checkpoint  # noqa: E402
from siammcvae_core.model.drive import DriveMCVAE  # noqa: E402
from siammcvae_core.model.pixels import normalise  # noqa: E402
from siammcvae_core.model.profiles import choose, DRIVE_PROFILES, DriveProfile  # noqa: E402

GRID = 9, 14


def lost_at(*spots):
    lost = np.zeros(GRID, bool)
    for spot in spots:
        lost[spot] = True
    return lost


LOST = {
    'one': lost_at((4, 6)),
    'corner': lost_at((0, 0)),
    'far corner': lost_at((-1, -1)),
    'two corners': lost_at((0, -1), (-1, 0)),
    'band': lost_at(np.s_[5:8]),
    'block': lost_at(np.s_[2:5, 9:13]),
    'scattered': np.random.default_rng(0).random(GRID) < 0.75,
    'few': np.random.default_rng(1).random(GRID) < 0.05,
    'all': np.ones(GRID, bool),
    'all but one': ~lost_at((3, 3)),
}


@pytest.fixture(scope='module')
def scene():
    rng = np.random.default_rng(0)
    rows, columns = GRID
    picture = rng.integers(0, 256, (16 * rows, 16 * columns, 3), np.uint8)
    features = rng.normal(size=(len(CHANNELS), 4 * rows, 4 * columns)).astype(np.float32)
    return picture, features, rng.permutation(rows * columns)


@pytest.fixture(scope='module', params=(4, 8))
def weights(request, tmp_path_factory):
    """Weights of a model with cells of 4 or 8 px, whose last layer is not zero."""
    torch.manual_seed(0)
    model = DriveMCVAE(choose(DRIVE_PROFILES, 'drive', {'cell': request.param}))
    torch.nn.init.normal_(model.answer.weight, std=0.05)
    path = tmp_path_factory.mktemp('weights') / f'cells{request.param}.safetensors'
    save_checkpoint(path, model)
    return path


@pytest.mark.parametrize('lost', LOST.values(), ids=LOST)
def test_a_crop_is_predicted_like_the_whole_frame(weights, scene, lost):
    picture, features, source = scene
    network = TorchNetwork(weights)
    across = network.patch // network.cell
    features = features[:, : across * GRID[0], : across * GRID[1]].copy()
    crop = crop_damage(picture, features, source, lost)
    tokens = network.encode(frame_patches(picture, network.patch))
    prediction = crop.to_frame(network.restore(tokens, crop.inputs))
    model = load_model(weights, DriveMCVAE, DriveProfile)
    rgb = torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1)[None]
    frames = normalise(rgb)
    with torch.inference_mode():
        whole = model(
            frames, frames, torch.from_numpy(features)[None], torch.from_numpy(source)[None],
            torch.from_numpy(lost).reshape(1, -1),
        )  # fmt: skip
    # A lost pixel reads its cell and, interpolating, the next.
    cells = lost.repeat(across, 0).repeat(across, 1).astype(np.uint8)
    read = cv2.dilate(cells, np.ones((3, 3), np.uint8)).view(bool)
    for name in RESTORE_OUTPUTS:
        expected = getattr(whole, name)[0].numpy()
        cropped = getattr(prediction, name).reshape(expected.shape)
        np.testing.assert_allclose(cropped[:, read], expected[:, read], atol=1e-4, err_msg=name)


def test_little_damage_needs_few_tokens(scene):
    small, large = (crop_damage(*scene, LOST[name]).inputs for name in ('one', 'all'))
    assert small['token_index'].shape == (4, 4)
    assert small['features'].shape[2:] == (20, 20)
    assert small['inside_frame'].shape[2:] == (18, 18)
    assert large['token_index'].shape == GRID
    assert small['reference_index'].shape == (32,)
    assert small['token_is_active'].sum() == 9
    assert small['patch_is_visible'].sum() == 8
    assert large['reference_index'].shape == (GRID[0] * GRID[1],)


def test_lost_pixels_are_not_among_the_inputs(scene):
    picture, features, source = scene
    lost = LOST['scattered']
    changed = np.where(lost.repeat(16, 0).repeat(16, 1)[..., None], 7, picture)
    one, other = (crop_damage(p, features, source, lost).inputs for p in (picture, changed))
    visible = one['patch_is_visible'][0]
    np.testing.assert_array_equal(one['patches'][0, visible], other['patches'][0, visible])


def test_sizes_come_in_steps():
    assert [in_steps(n, 64, 920) for n in (0, 1, 64, 65, 900)] == [64, 64, 64, 128, 920]
    assert in_steps(3, 64, 8) == 8
