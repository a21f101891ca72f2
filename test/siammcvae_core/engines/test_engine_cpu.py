# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fastest library that agrees serves, and is remembered; what fails is left out."""

from datetime import datetime
import logging
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')

from siammcvae_core.engines import cpu  # noqa: E402
from siammcvae_core.engines.cpu import fastest, FastestEngine, Trial, try_all  # noqa: E402
from siammcvae_core.engines.drive_torch import TorchNetwork  # noqa: E402
from siammcvae_core.engines.factory import load_engine  # noqa: E402
from siammcvae_core.errors import WeightsError  # noqa: E402


class Brighter(TorchNetwork):
    """A network that is wrong: it adds colour."""

    def restore(self, tokens, inputs):
        correction, weights, colour, log_scale = super().restore(tokens, inputs)
        return [correction, weights, colour + 1, log_scale]


def broken(weights):
    raise RuntimeError('no such instruction')


@pytest.fixture
def candidates(monkeypatch):
    networks = {'torch float32': TorchNetwork}
    monkeypatch.setattr(cpu, 'candidates', lambda: networks)
    return networks


def test_the_fastest_that_agrees():
    slow, quick = Trial('slow', 90.0, 0.0, 0.0), Trial('quick', 30.0, 0.05, 1.0)
    assert fastest([slow, quick, Trial('wrong', 10.0, 0.2, 1.0)]) is quick
    assert fastest([slow, Trial('wrong in places', 10.0, 0.05, 3.0)]) is slow


def test_a_library_that_is_wrong_does_not_serve(drive_weights, candidates, monkeypatch):
    candidates['wrong'] = Brighter
    first, wrong = try_all(drive_weights)
    assert first.agrees
    assert (first.mean, first.top) == (0, 0)
    assert not wrong.agrees
    assert 3 < wrong.mean < 6
    instant = Trial('wrong', 0.0, wrong.mean, wrong.top)
    monkeypatch.setattr(cpu, 'try_all', lambda _: [first, instant])
    engine = FastestEngine(drive_weights)
    assert type(engine.network) is TorchNetwork
    assert 'wrong 0 ms, off by' in engine.describe()['choice']


def test_a_library_that_fails_is_named_and_left_out(drive_weights, candidates, caplog):
    candidates['broken'] = broken
    with caplog.at_level(logging.WARNING):
        assert [trial.candidate for trial in try_all(drive_weights)] == ['torch float32']
    assert 'broken does not serve: RuntimeError: no such instruction' in caplog.text


def test_the_choice_is_cached(drive_weights, candidates, cache, monkeypatch):
    first = FastestEngine(drive_weights).describe()
    (file,) = cache.iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(cpu, 'try_all', broken)
        again = FastestEngine(drive_weights).describe()
    day = datetime.fromtimestamp(file.stat().st_mtime).date()
    choice = again.pop('choice')
    assert f', measured on {day}' in choice  # the times are not of today
    assert choice.replace(f', measured on {day}', '') == first.pop('choice')
    assert again == first
    absent = file.read_text().replace('torch', 'absent')
    for damaged in ('', '[]', '{}', '[{"candidate": 1}]', '[' * 10**5, absent):
        file.write_text(damaged)
        FastestEngine(drive_weights)
        assert 'torch float32' in file.read_text(), damaged


def test_a_cached_choice_that_fails_leaves_pytorch(drive_weights, candidates, monkeypatch, caplog):
    candidates['broken'] = broken
    monkeypatch.setattr(cpu, 'try_all', lambda _: [Trial('broken', 1.0, 0.0, 0.0)])
    with caplog.at_level(logging.WARNING):
        engine = FastestEngine(drive_weights)
    assert type(engine.network) is TorchNetwork
    assert 'broken does not serve' in caplog.text


def test_without_a_cache_it_is_measured_each_time(
    drive_weights, candidates, tmp_path, monkeypatch, caplog
):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    with caplog.at_level(logging.WARNING):
        FastestEngine(drive_weights)
    assert len(caplog.records) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU serves here')
def test_the_loaded_engine_restores_and_says_why_it_was_chosen(drive_weights, film):
    engine = load_engine(drive_weights)
    assert engine.describe()['choice'].startswith('fastest of torch float32 ')
    references, frame = film((96, 160))
    restored = engine.restore(references, frame, np.ones((96, 160), bool), 0.2).frame
    assert restored.shape == frame.shape


def test_weights_that_cannot_serve_are_named(tmp_path: Path):
    path = tmp_path / 'broken.safetensors'
    path.write_bytes(b'nothing')
    with pytest.raises(WeightsError, match=str(path)):
        FastestEngine(path)
