# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""build_engine prints what was built, and one line for what the user can correct."""

from pathlib import Path

import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')

from siammcvae_core.engines import build_command as build_engine  # noqa: E402
from siammcvae_core.engines import tensorrt  # noqa: E402
from siammcvae_core.engines.engine_cache import BuildPolicy, Fetched  # noqa: E402
from siammcvae_core.errors import InputError  # noqa: E402


class Network:
    """Stands in for the one of TensorRT."""

    arguments: tuple = ()

    def __init__(self, weights, policy, precision):
        type(self).arguments = weights.name, policy, precision
        engines = Path('/cache/engines')
        self.fetched = {
            'encode_reference': Fetched(None, 2_500_000, None, engines / 'a.engine'),
            'restore': Fetched(None, 20_000_000, 12.34, None),
        }

    def describe(self):
        return {'name': 'tensorrt', 'version': '10.3.0', 'device': 'Orin', 'dtype': 'float16'}


@pytest.fixture
def on_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(tensorrt, 'TensorRtNetwork', Network)


def test_it_prints_what_it_built(on_gpu, tmp_path, monkeypatch, capsys):
    assert build_engine.main([]) == 0
    assert Network.arguments == ('drive.safetensors', BuildPolicy.BUILD_IF_MISSING, 'float16')
    assert capsys.readouterr().out.splitlines() == [
        'encode_reference  was there           2.5 MB  /cache/engines/a.engine',
        'restore           built in 12.3 s    20.0 MB  not cached',
        'name=tensorrt version=10.3.0 device=Orin dtype=float16',
    ]
    monkeypatch.chdir(tmp_path)
    Path('w.st').touch()
    assert build_engine.main(['w.st', '--policy', 'rebuild', '--precision', 'float32']) == 0
    assert Network.arguments == ('w.st', BuildPolicy.REBUILD, 'float32')


@pytest.mark.parametrize(
    ('error', 'status', 'said'),
    [
        (InputError('no engine'), 2, 'build: no engine'),
        (ModuleNotFoundError(name='onnx'), 2, 'build: needs the package onnx: pip install onnx'),
        (torch.cuda.OutOfMemoryError('CUDA out of memory'), 1, 'build: CUDA out of memory'),
    ],
)
def test_what_fails_is_one_line(on_gpu, monkeypatch, capsys, error, status, said):
    def fail(*_):
        raise error

    monkeypatch.setattr(tensorrt, 'TensorRtNetwork', fail)
    assert build_engine.main([]) == status
    assert capsys.readouterr().err == f'{said}\n'


def test_weights_that_are_not_there_are_named(on_gpu, capsys):
    assert build_engine.main(['drives']) == 2
    assert 'build: drives: no such weights file; in the package: drive' in capsys.readouterr().err


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert build_engine.main([]) == 2
    assert 'no NVIDIA GPU' in capsys.readouterr().err


def test_help_names_the_folder_of_engines(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        build_engine.main(['--help'])
    said = capsys.readouterr().out
    assert '/siammcvae_ros/engines' in said
    assert all(policy.value in said for policy in BuildPolicy)
