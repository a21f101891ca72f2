# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which engine serves for what the user has."""

from pathlib import Path
import shutil
import subprocess
import sys

import pytest
import torch

from siammcvae_core.engines import factory
from siammcvae_core.engines.factory import find_weights, load_engine, shipped
from siammcvae_core.errors import WeightsError
from siammcvae_core.model.checkpoint import save_checkpoint
from siammcvae_core.model.profiles import get_profile
from siammcvae_core.model.siammcvae import SiamMCVAE


def test_none_is_no_engine() -> None:
    assert load_engine('none') is None


@pytest.mark.parametrize('weights', [None, ''])
def test_without_a_word_the_model_of_the_package_serves_where_it_can(
    weights: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = load_engine(weights)
    assert engine is not None
    assert engine.describe()['weights'] == 'drive.safetensors'
    monkeypatch.setattr('siammcvae_core.engines.factory.find_spec', lambda name: None)
    assert load_engine(weights) is None


def test_the_model_of_the_package() -> None:
    engine = load_engine('drive')
    assert engine is not None
    assert (engine.describe()['profile'], engine.references) == ('drive', 2)
    assert engine.describe()['weights'] == 'drive.safetensors'


@pytest.fixture
def two_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a second set of weights beside that in the package; works in another folder."""
    packaged = shipped('drive')
    assert packaged is not None
    for name in ('drive', 'drive-research'):
        shutil.copyfile(packaged, tmp_path / f'{name}.safetensors')
    monkeypatch.setattr(factory, 'SHIPPED', tmp_path)
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    return tmp_path


def test_weights_of_the_package_go_by_their_names(two_shipped: Path) -> None:
    engine = load_engine('drive-research')
    assert engine is not None
    assert engine.describe()['weights'] == 'drive-research.safetensors'
    assert find_weights('drive') == two_shipped / 'drive.safetensors'


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ('drive_research', 'drive_research: no such weights file; in the package: drive, drive-re'),
        ('', r'\.: no such weights file; in the package: drive, drive-research$'),
        ('drive.safetensors', r'drive\.safetensors: no such weights file$'),
        ('../elsewhere/drive', 'elsewhere/drive: no such weights file$'),
        ('a' * 5000, 'a{80}: File name too long'),
    ],
)
def test_weights_that_are_not_there_are_answered_with_those_that_are(
    two_shipped: Path, given: str, message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        find_weights(given)


def test_a_file_may_lie_where_a_name_does_not(two_shipped: Path) -> None:
    shutil.copyfile(two_shipped / 'drive.safetensors', 'mine')
    assert find_weights('mine') == Path('mine')
    assert find_weights('../drive.safetensors') == Path('../drive.safetensors')


@pytest.mark.parametrize('kind', [str, Path])
def test_weights_give_the_torch_engine(tmp_path: Path, kind: type) -> None:
    path = tmp_path / 'w.safetensors'
    save_checkpoint(path, SiamMCVAE(get_profile('tiny', depth=1, decoder_depth=1)))
    engine = load_engine(kind(path))
    assert engine is not None
    described = engine.describe()
    assert described['weights'] == 'w.safetensors'
    assert described['device'] == ('cuda' if torch.cuda.is_available() else 'cpu')


def test_a_bad_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f'{tmp_path}/absent.safetensors: no such'):
        load_engine(f'{tmp_path}/absent.safetensors')


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', str(tmp_path))
    with pytest.raises(WeightsError, match=f'{tmp_path}/absent'):
        load_engine('~/absent')


def test_without_weights_torch_is_not_imported() -> None:
    code = (
        'import sys; from siammcvae_core.engines.factory import load_engine; load_engine("none");'
        'sys.exit("torch" in sys.modules)'
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_missing_torch_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'w.safetensors').touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, 'siammcvae_core.engines.torch', raising=False)
    monkeypatch.setitem(sys.modules, 'torch', None)
    with pytest.raises(WeightsError, match=r'^w\.safetensors: needs PyTorch'):
        load_engine('w.safetensors')
