# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The damaged part alone gives what the whole frame would, wherever the damage lies."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')

from siammcvae_core.alignment.features import CHANNELS  # noqa: E402
from siammcvae_core.engines.crop import damaged_part, in_steps, whole_frame  # noqa: E402
from siammcvae_core.engines.drive_torch import TorchNetwork  # noqa: E402
from siammcvae_core.engines.network import RESTORE_OUTPUTS  # noqa: E402
from siammcvae_core.model.checkpoint import load_model  # noqa: E402
from siammcvae_core.model.drive import DriveMCVAE  # noqa: E402
from siammcvae_core.model.pixels import normalise  # noqa: E402
from siammcvae_core.model.profiles import DriveProfile  # noqa: E402

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
def given():
    rng = np.random.default_rng(0)
    rows, columns = GRID
    picture = rng.integers(0, 256, (16 * rows, 16 * columns, 3), np.uint8)
    features = rng.normal(size=(len(CHANNELS), 4 * rows, 4 * columns)).astype(np.float32)
    return picture, features, rng.permutation(rows * columns)


@pytest.mark.parametrize('lost', LOST.values(), ids=LOST)
def test_a_part_is_answered_like_the_whole(drive_weights, given, lost):
    picture, features, source = given
    network = TorchNetwork(drive_weights)
    part = damaged_part(picture, features, source, lost)
    tokens = network.encode(whole_frame(picture, network.patch))
    answer = part.place(network.restore(tokens, part.inputs))
    model = load_model(drive_weights, DriveMCVAE, DriveProfile)
    rgb = torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1)[None]
    frames = normalise(rgb)
    with torch.inference_mode():
        whole = model(
            frames, frames, torch.from_numpy(features)[None], torch.from_numpy(source)[None],
            torch.from_numpy(lost).reshape(1, -1),
        )  # fmt: skip
    # A lost pixel reads its cell and, interpolating, the next.
    cells = lost.repeat(4, 0).repeat(4, 1).astype(np.uint8)
    read = cv2.dilate(cells, np.ones((3, 3), np.uint8)).view(bool)
    for name in RESTORE_OUTPUTS:
        due = getattr(whole, name)[0].numpy()
        got = getattr(answer, name).reshape(due.shape)
        np.testing.assert_allclose(got[:, read], due[:, read], atol=1e-4, err_msg=name)


def test_little_damage_asks_for_little(given):
    small, large = (damaged_part(*given, LOST[name]).inputs for name in ('one', 'all'))
    assert small['spread'].shape == (4, 4)
    assert small['features'].shape[2:] == (20, 20)
    assert small['inside'].shape[2:] == (18, 18)
    assert large['spread'].shape == GRID
    assert small['source'].shape == (32,)
    assert small['active'].sum() == 9
    assert small['visible'].sum() == 8
    assert large['source'].shape == (GRID[0] * GRID[1],)


def test_what_is_lost_is_not_even_handed_over(given):
    picture, features, source = given
    lost = LOST['scattered']
    changed = np.where(lost.repeat(16, 0).repeat(16, 1)[..., None], 7, picture)
    one, other = (damaged_part(p, features, source, lost).inputs for p in (picture, changed))
    kept = one['visible'][0]
    np.testing.assert_array_equal(one['picture'][0, kept], other['picture'][0, kept])


def test_sizes_come_in_steps():
    assert [in_steps(n, 64, 920) for n in (0, 1, 64, 65, 900)] == [64, 64, 64, 128, 920]
    assert in_steps(3, 64, 8) == 8
