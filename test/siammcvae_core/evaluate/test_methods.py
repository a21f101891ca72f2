# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Methods by name: what has weights runs, what has none is named, wrong weights are refused."""

from pathlib import Path

import numpy as np
import pytest

from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.evaluate.clip_evaluation import find_unusable
from siammcvae_core.evaluate.methods import EvaluatedMethod, find_methods, load, parse_weights
from siammcvae_core.evaluate.plan import CLASSICAL, PRESETS
from siammcvae_core.motion.references import ReferenceFrame, References

torch = pytest.importorskip('torch', reason='torch is not installed')

SIZE = (32, 48)


@pytest.fixture(scope='module')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save small untrained models, named by method."""
    from siammcvae_core.baselines.catalogue import build_baseline
    from siammcvae_core.model.checkpoint import save_checkpoint
    from siammcvae_core.model.profiles import get_profile
    from siammcvae_core.model.siammcvae import SiamMCVAE

    folder = tmp_path_factory.mktemp('weights')
    small = {'width': 16, 'depth': 1, 'heads': 2, 'size': (32, 48)}
    decoder = {'latent': 16, 'decoder_depth': 1, 'decoder_heads': 2}
    for name, changes in (
        ('paper', {}), ('paper@no_reparam', {'reparameterise': False}), ('paper@beta0.5', {})
    ):  # fmt: skip
        torch.manual_seed(0)
        profile = get_profile('tiny', **small, **decoder, **changes)
        save_checkpoint(folder / f'{name}.safetensors', SiamMCVAE(profile))
    (folder / 'mae').mkdir()
    for run in range(2):
        torch.manual_seed(run)
        save_checkpoint(
            folder / 'mae' / f'run{run}.safetensors', build_baseline('mae', 'tiny', small)
        )
    return folder


def restore(method: EvaluatedMethod, run: int = 0) -> np.ndarray:
    rng = np.random.default_rng(0)
    newest, older, frame = rng.integers(0, 256, (3, *SIZE, 3), np.uint8)
    mask = np.zeros(SIZE, bool)
    mask[:16] = True
    loaded = load(method, method.run(run))
    kept = loaded.observe(References((ReferenceFrame(newest, 0.0), ReferenceFrame(older, -0.1))))
    return loaded.restore(kept, frame, mask, 0.1).frame


def test_a_folder_is_read_by_method_names(weights: Path) -> None:
    found = parse_weights([str(weights)])
    assert sorted(found) == ['mae', 'paper', 'paper@beta0.5', 'paper@no_reparam']
    assert [path.name for path in found['mae']] == ['run0.safetensors', 'run1.safetensors']


def test_folders_of_training_runs_serve_as_they_are(weights: Path, tmp_path: Path) -> None:
    runs = [tmp_path / 'runs' / 'paper' / seed for seed in '012']
    for run in runs:
        run.mkdir(parents=True)
        for name in ('best', 'last', 'state'):
            (run / f'{name}.safetensors').touch()
    best = tuple(run / 'best.safetensors' for run in runs)
    assert parse_weights([str(tmp_path / 'runs')]) == {'paper': best}
    assert parse_weights([f'paper={runs[1]}']) == {'paper': best[1:2]}


def test_each_seed_takes_its_training_run(weights: Path) -> None:
    ready, _ = find_methods(['mae'], parse_weights([f'mae={weights / "mae"}']))
    restored = [restore(ready[0], run) for run in range(3)]
    assert not np.array_equal(restored[0], restored[1])
    assert np.array_equal(restored[0], restored[2])


def test_what_has_no_weights_is_named(weights: Path) -> None:
    preset = PRESETS['table 4']
    ready, missing = find_methods(preset.plan.methods, parse_weights([str(weights)]))
    assert {method.name for method in ready} == {'copy', 'paper', 'paper@beta0.5'}
    assert set(missing) == {'paper@beta0.1', 'paper@beta0.25', 'paper@beta1'}
    assert '--weights paper@beta1=PATH' in missing['paper@beta1']


def test_variants_must_be_what_they_say(weights: Path) -> None:
    ready, _ = find_methods(['paper@beta0.5', 'paper@no_reparam'], parse_weights([str(weights)]))
    refused = find_unusable(ready, SIZE)
    assert list(refused) == ['paper@beta0.5']
    assert 'needs weights with beta = 0.5, these have 0.2' in refused['paper@beta0.5']


def test_kernels_run_the_weights_of_the_base(weights: Path) -> None:
    names = ['paper', 'paper@standard', 'paper@adaptive']
    ready, missing = find_methods(names, parse_weights([str(weights)]))
    assert not missing
    restored = [restore(method).astype(int) for method in ready]
    assert np.abs(restored[0] - restored[1]).max() <= 1
    assert np.array_equal(restored[0], restored[2])


def test_a_kernel_this_machine_lacks_is_named(weights: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip('every kernel runs on a GPU')
    ready, _ = find_methods(['paper@memory_efficient'], parse_weights([str(weights)]))
    assert 'memory_efficient' in find_unusable(ready, SIZE)['paper@memory_efficient']


def test_weights_that_are_damaged_are_named(tmp_path: Path) -> None:
    path = tmp_path / 'paper.safetensors'
    path.write_bytes(b'nothing')
    with pytest.raises(WeightsError, match=f'{path}: not a readable safetensors file'):
        load(EvaluatedMethod('paper', (path,)), path)


def test_weights_of_another_system_are_refused(weights: Path) -> None:
    path = weights / 'paper.safetensors'
    with pytest.raises(WeightsError, match='siammcvae'):
        load(EvaluatedMethod('mae', (path,)), path)
    run = weights / 'mae' / 'run0.safetensors'
    with pytest.raises(WeightsError, match='mae'):
        load(EvaluatedMethod('videomae', (run,)), run)


def test_weights_of_the_package_go_by_their_names() -> None:
    packaged, labelled = find_methods(['drive', 'drive@mine'], parse_weights(['drive@mine=drive']))[
        0
    ]
    assert [path.name for path in labelled.runs] == ['drive.safetensors']
    assert packaged.runs == labelled.runs


@pytest.mark.parametrize('name', CLASSICAL)
def test_classical_methods_need_nothing(name: str) -> None:
    ready, missing = find_methods([name], {})
    assert not missing
    assert restore(ready[0]).shape == (*SIZE, 3)


@pytest.mark.parametrize(
    ('names', 'arguments', 'message'),
    [
        (['copi'], [], "no method 'copi' .*did you mean 'copy'"),
        (['copy@fast'], [], "method 'copy' has no variants"),
        (['mae'], ['mae=nowhere'], 'nowhere: no such weights'),
        (['mae'], ['nowhere'], 'expected METHOD=PATH'),
        (['mae'], ['mea=x'], "no method 'mea'"),
    ],
)
def test_wrong_names_are_refused(names: list[str], arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_methods(names, parse_weights(arguments))
