# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights, training states, and the caches of engines and engine choices."""

from dataclasses import asdict
import json
import os
from pathlib import Path

from fuzz.file_kind import FileKind, require
from support.weights import write_small_drive

from siammcvae_core.train.config import DataConfig, TrainConfig

SMALL = {
    'patch': 8, 'size': (32, 48), 'width': 32, 'depth': 1, 'heads': 2, 'latent': 16,
    'decoder_depth': 1, 'decoder_heads': 2,
}  # fmt: skip
CACHE = 'cache'  # XDG_CACHE_HOME, in the folder of a case
PARTS = {'encode_reference': b'encode' * 50, 'restore': b'restore' * 50}


def _write_weights(folder: Path) -> None:
    import torch

    from siammcvae_core.baselines.catalogue import build_baseline
    from siammcvae_core.model.checkpoint import save_checkpoint
    from siammcvae_core.model.profiles import get_profile
    from siammcvae_core.model.siammcvae import SiamMCVAE

    write_small_drive(folder / 'drive.safetensors')
    torch.manual_seed(0)
    save_checkpoint(folder / 'paper.safetensors', SiamMCVAE(get_profile('tiny', **SMALL)))
    small = {key: SMALL[key] for key in ('patch', 'size', 'width', 'depth', 'heads')}
    changes = {**small, 'decoder_width': 16, 'decoder_depth': 1, 'decoder_heads': 2}
    save_checkpoint(folder / 'mae.safetensors', build_baseline('mae', 'tiny', changes))


def _read_weights(folder: Path, target: Path) -> None:
    from siammcvae_core.evaluate.methods import EvaluatedMethod, load
    from siammcvae_core.model.checkpoint import stored_system
    from siammcvae_core.propagation.features import load_features

    stored_system(target)
    load(EvaluatedMethod(target.stem, (target,)), target)
    if target.stem != 'drive':
        load_features(target, 32)


def _run_config(folder: Path) -> TrainConfig:
    return TrainConfig(
        str(folder), DataConfig('drives'), profile_changes=SMALL, steps=12, device='cpu'
    )


def _state(folder: Path) -> tuple[object, TrainConfig]:
    import torch

    from siammcvae_core.train.catalogue import build_system
    from siammcvae_core.train.ema import WeightAverage
    from siammcvae_core.train.optimiser import build_optimiser
    from siammcvae_core.train.state import TrainingState

    config = _run_config(Path('run'))
    torch.manual_seed(0)
    system = build_system(config.system, config.profile, config.profile_changes)
    optimiser = build_optimiser(system, config)
    state = TrainingState(system, WeightAverage(system, config.ema), optimiser)
    for parameter in system.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    state.progress.step = 4
    return state, config


def _write_state(folder: Path) -> None:
    state, config = _state(folder)
    state.save(folder / 'state.safetensors', config)  # type: ignore[attr-defined]


def _read_state(folder: Path, target: Path) -> None:
    state, config = _state(folder)
    state.restore(target, config)  # type: ignore[attr-defined]
    progress = state.progress  # type: ignore[attr-defined]
    require(isinstance(progress.step, int), f'step {progress.step!r}')
    require(isinstance(progress.best, int | float), f'best {progress.best!r}')


def _write_metrics(folder: Path) -> None:
    lines = [{'step': step, 'loss': 0.5, 'kl_of_dimensions': [0.1, 0.2]} for step in (4, 8, 12)]
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    (folder / 'metrics.jsonl').write_text(text)


def _read_metrics(folder: Path, target: Path) -> None:
    from siammcvae_core.train.report import Report

    Report(folder / 'tensorboard', target, _run_config(folder), 8).close()
    for line in target.read_text().splitlines() if target.exists() else ():
        require(json.loads(line)['step'] <= 8, f'line {line[:80]} is kept')


def _write_choice(folder: Path) -> None:
    """Write the cache of an engine choice."""
    write_small_drive(folder / 'drive.safetensors')
    _read_choice(folder, folder)


def _read_choice(folder: Path, target: Path) -> None:
    import torch

    from siammcvae_core.engines import cpu
    from siammcvae_core.engines.autotune import Trial

    os.environ['XDG_CACHE_HOME'] = str(folder / CACHE)
    torch.set_num_threads(1)
    trials = [Trial('torch float32', 9.5, 0.0, 0.0), Trial('torch bfloat16', 8.5, 9.0, 9.0)]
    measure, cpu.try_all = cpu.try_all, lambda weights: trials
    try:
        described = cpu.FastestEngine(folder / 'drive.safetensors').describe()
    finally:
        cpu.try_all = measure
    require('choice' in described, f'{described}')


def _write_parts(folder: Path) -> None:
    write_small_drive(folder / 'drive.safetensors')
    _read_parts(folder, folder)


def _read_parts(folder: Path, target: Path) -> None:
    from siammcvae_core.engines import onnx_export
    from siammcvae_core.files import sha256
    from siammcvae_core.model.checkpoint import load_model
    from siammcvae_core.model.drive import DriveMCVAE
    from siammcvae_core.model.profiles import DriveProfile

    os.environ['XDG_CACHE_HOME'] = str(folder / CACHE)
    weights = folder / 'drive.safetensors'
    profile = load_model(weights, DriveMCVAE, DriveProfile).profile
    right = onnx_export.Exported(*PARTS.values(), profile, sha256(weights))
    export, onnx_export.export = onnx_export.export, lambda weights: right
    try:
        found = onnx_export.exported(weights)
    finally:
        onnx_export.export = export
    require(asdict(found) == asdict(right), 'parts that are not those that were kept')


def _write_engine(folder: Path) -> None:
    _read_engine(folder, folder)


def _read_engine(folder: Path, target: Path) -> None:
    from siammcvae_core.engines.engine_cache import BuildPolicy, fetch, Key

    os.environ['XDG_CACHE_HOME'] = str(folder / CACHE)
    key = Key('restore', 'a' * 64, 'float16', 'all', 'tensorrt 10', 'Orin')
    older = Key('restore', 'a' * 64, 'float16', 'all', 'tensorrt 9', 'Orin')
    right = b'engine' * 100
    if target == folder:
        fetch(older, BuildPolicy.REBUILD, lambda: right, bytes)
    for policy in (BuildPolicy.BUILD_IF_MISSING, BuildPolicy.LOAD_ONLY):
        found = fetch(key, policy, lambda: right, bytes)
        require(found.engine == right, 'an engine that is not the one that was kept')


TORCH = ('torch',)
TRAINING = ('torch', 'accelerate', 'tensorboard')
KINDS = (
    FileKind('weights', _write_weights, _read_weights, needs=TORCH),
    FileKind('training state', _write_state, _read_state, needs=TRAINING),
    FileKind(
        'metrics of a run', _write_metrics, _read_metrics, needs=TRAINING,
        leaves=('metrics.jsonl', 'tensorboard', 'tensorboard/*'), named=('metrics.jsonl',),
    ),
    FileKind(
        'choice of an engine', _write_choice, _read_choice, ('cache/siammcvae_ros/*',),
        leaves=('cache/**/*',), needs=TORCH,
    ),
    FileKind(
        'exported parts', _write_parts, _read_parts, ('cache/siammcvae_ros/*/*',),
        leaves=('cache/**/*',), needs=TORCH,
    ),
    FileKind(
        'engines and sidecars', _write_engine, _read_engine,
        ('cache/siammcvae_ros/engines/*.engine', 'cache/siammcvae_ros/engines/*.json'),
        leaves=('cache/**/*',),
    ),
)  # fmt: skip
