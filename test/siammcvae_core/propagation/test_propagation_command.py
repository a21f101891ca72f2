# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command, from weights files to scores, and what it says about what it cannot use."""

from collections.abc import Callable
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from siammcvae_core.baselines.catalogue import build_baseline, LEARNED_BASELINES
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.model.checkpoint import save_checkpoint
from siammcvae_core.model.profiles import get_profile
from siammcvae_core.model.siammcvae import SiamMCVAE
from siammcvae_core.propagation.__main__ import main
from siammcvae_core.propagation.features import load_features
from siammcvae_core.propagation.layouts import read_frame, read_mask, read_videos

Drive = tuple[list[np.ndarray], np.ndarray]
Write = Callable[..., Path]
SMALL = {
    'patch': 4, 'size': (8, 8), 'width': 32, 'depth': 1, 'heads': 2, 'decoder_depth': 1,
    'decoder_heads': 2,
}  # fmt: skip


@pytest.fixture
def weights(tmp_path: Path) -> dict[str, Path]:
    """Save one untrained network of each system."""
    torch.manual_seed(0)
    models = {
        s: build_baseline(s, 'tiny', SMALL | {'decoder_width': 16}) for s in LEARNED_BASELINES
    }
    models['siammcvae'] = SiamMCVAE(get_profile('tiny', **SMALL, latent=16))
    paths = {system: tmp_path / f'{system}.safetensors' for system in models}
    for system, path in paths.items():
        save_checkpoint(path, models[system])
    return paths


def test_every_system_is_measured_beside_labels_left_behind(
    drive: Drive, as_davis: Write, weights: dict[str, Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / 'scores.json'
    given = ['--weights', *map(str, weights.values()), '--side', '24', '--out', str(out)]
    assert main(['--data', str(as_davis(*drive)), '--layout', 'davis', *given]) == 0
    rows = json.loads(out.read_text())['rows']
    assert [Path(row['features']).stem for row in rows] == ['still labels', *weights]
    assert all(0 < row['J&F'] < 1 for row in rows)
    assert len({row['J&F'] for row in rows}) == len(rows)
    assert len(capsys.readouterr().out.splitlines()) == len(rows)


def test_the_other_layouts_are_measured(
    drive: Drive, as_vip: Write, as_jhmdb: Write, weights: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    points = np.tile(np.array([[[20.0, 10], [50, 40], [30, 30]]]), (6, 1, 1))
    for root, layout, name in (
        (as_vip(*drive), 'vip', 'mIoU'),
        (as_jhmdb(drive[0], points), 'jhmdb', 'PCK@0.1'),
    ):
        given = ['--weights', str(weights['siammae']), '--side', '24']
        assert main(['--data', str(root), '--layout', layout, *given]) == 0
        assert name in capsys.readouterr().out


def test_features_lie_on_a_grid_that_keeps_the_aspect(weights: dict[str, Path]) -> None:
    features = load_features(weights['mae'], side=30)
    assert features.grid((60, 90)) == (8, 11)
    assert features.grid((90, 60)) == (11, 8)
    frame = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    assert features(frame).shape == (88, 32)
    assert not torch.equal(features(frame), features(frame[..., ::-1].copy()))


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(a) for a in arguments]) == 2
    message = capsys.readouterr().err
    assert message.count('\n') == 1
    assert message.startswith('propagation: ')
    return message


def test_what_cannot_be_used_is_named_in_one_line(
    drive: Drive, as_davis: Write, weights: dict[str, Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    root, mae = as_davis(*drive), weights['mae']
    absent = tmp_path / 'absent'
    call = ['--layout', 'davis', '--weights', mae, '--data']
    assert f'{absent}: no such folder' in refusal(capsys, *call, absent)
    assert 'train.txt: no such list' in refusal(capsys, *call, root, '--split', 'train')
    wrong = refusal(capsys, '--layout', 'davis', '--weights', absent, '--data', root)
    assert f'{absent}: no such weights file' in wrong
    assert 'topk' in refusal(capsys, *call, root, '--topk', '-1')
    assert '--side' in refusal(capsys, *call, root, '--side', '-1')
    label = root / 'Annotations' / '480p' / 'drive' / '00002.png'
    label.write_bytes(b'no picture')
    assert f'{label}: not readable labels' in refusal(capsys, *call, root, '--side', '24')
    cv2.imwrite(str(label), drive[0][0])
    assert 'palette or in grey' in refusal(capsys, *call, root, '--side', '24')


def test_damaged_data_sets_are_refused_by_name(
    drive: Drive, as_davis: Write, as_jhmdb: Write, tmp_path: Path
) -> None:
    root = as_davis(*drive)
    for path in (root / 'Annotations' / '480p' / 'drive').iterdir():
        path.unlink()
    with pytest.raises(InputError, match='no labels for any frame'):
        read_videos(root, 'davis')
    for path in (root / 'JPEGImages' / '480p' / 'drive').iterdir():
        path.unlink()
    with pytest.raises(InputError, match='no pictures'):
        read_videos(root, 'davis')
    (root / 'ImageSets' / '2017' / 'val.txt').write_bytes(b'\x80')
    with pytest.raises(InputError, match=r'val\.txt: not a readable list'):
        read_videos(root, 'davis')
    (root / 'ImageSets' / '2017' / 'val.txt').write_text('\n')
    with pytest.raises(InputError, match="no videos in split 'val'"):
        read_videos(root, 'davis')
    jhmdb = as_jhmdb(drive[0], np.zeros((6, 2, 2)))
    with pytest.raises(InputError, match=r'no CLASS_test_split2\.txt'):
        read_videos(jhmdb, 'jhmdb', 'test_split2')
    joints = jhmdb / 'joint_positions' / 'walk' / 'one' / 'joint_positions.mat'
    joints.write_bytes(b'no matrix')
    with pytest.raises(SourceError, match='not readable joints'):
        read_videos(jhmdb, 'jhmdb')
    joints.unlink()
    with pytest.raises(InputError, match=r'joint_positions\.mat: no such file'):
        read_videos(jhmdb, 'jhmdb')
    with pytest.raises(SourceError, match='not a readable picture'):
        read_frame(tmp_path / 'absent.jpg')
    with pytest.raises(SourceError, match='not readable labels'):
        read_mask(tmp_path / 'absent.png')


def test_labels_start_at_the_first_labelled_frame(drive: Drive, as_vip: Write) -> None:
    root = as_vip(*drive, every=2)
    (root / 'Annotations' / 'Category_ids' / 'v1' / f'{0:012d}.png').unlink()
    video = read_videos(root, 'vip')[0]
    assert [path.stem for path in video.frames] == [f'{i:012d}' for i in range(2, 6)]
    assert video.first_mask.stem == f'{2:012d}'
