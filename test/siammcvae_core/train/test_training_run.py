# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whole runs: they learn, resume exactly after kill -9, and share work among processes."""

from collections.abc import Callable
from dataclasses import replace
import json
import os
from pathlib import Path
import re
import resource
import signal
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip('accelerate', reason='accelerate is not installed')

from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
import torch

from siammcvae_core.engines.torch import TorchEngine
from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.train import loop
from siammcvae_core.train.config import TrainConfig
from siammcvae_core.train.loop import BEST, LAST, STATE, Training
from siammcvae_core.train.report import Report
from siammcvae_core.train.validation import Validation


def metrics(config: TrainConfig) -> list[dict[str, object]]:
    return [json.loads(line) for line in (Path(config.out) / 'metrics.jsonl').open()]


def weights(config: TrainConfig, name: str) -> dict[str, torch.Tensor]:
    return load_file(Path(config.out) / name)


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def in_a_process(script: str, *launcher: str, config: TrainConfig) -> subprocess.CompletedProcess:
    """Run a script that finds the configuration as `config`, with one thread."""
    root = Path(__file__).parents[3]
    file = Path(config.out).with_suffix('.py')
    file.write_text(
        'from pathlib import Path\n'
        'from siammcvae_core.train.config import DataConfig, TrainConfig\n'
        f'config = {config!r}\n' + textwrap.dedent(script)
    )
    return subprocess.run(
        [sys.executable, *launcher, str(file)],
        env={**os.environ, 'PYTHONPATH': str(root), 'OMP_NUM_THREADS': '1'},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_run_learns_and_saves_weights_that_load(config, capsys):
    run = config(steps=80, validate_every=10, lr=1e-2, ema=0.9, precision='bf16')
    Training(run).run()
    lines = metrics(run)
    assert [line['step'] for line in lines] == list(range(10, 90, 10))
    assert lines[-1]['reconstruction'] < 0.9 * lines[0]['reconstruction']
    assert len(lines[0]['kl_of_dimensions']) == 16
    assert 0 <= lines[0]['active_units'] <= 1
    assert lines[0]['psnr_lost_copy'] == lines[-1]['psnr_lost_copy'] > 0
    best = min(lines, key=lambda line: line['loss'])
    for name in (BEST, LAST):
        TorchEngine(Path(run.out) / name)
    assert equal(weights(run, BEST), weights(run, LAST)) == (best['step'] == 80)
    board = EventAccumulator(str(Path(run.out) / 'tensorboard')).Reload()
    tags = board.Tags()['scalars']
    assert {'train/loss', 'train/lr', 'train/kl', 'val/active_units'} <= {*tags}
    assert [event.step for event in board.Scalars('val/loss')] == list(range(10, 90, 10))
    assert board.Histograms('val/kl_of_dimensions')[-1].histogram_value.num == 16
    picture = board.Images('val/reference_damaged_restored_truth')[-1]
    assert (picture.width, picture.height) == (4 * 48, 32)
    out = capsys.readouterr().out
    assert 'step 80: validation loss' in out
    assert re.search(r'\d samples/s, \d\d:\d\d left', out)
    assert 'siammcvae, profile tiny: 0.0 M parameters' in out


KILLED_BETWEEN = """
    import os, signal
    from siammcvae_core.train.loop import Training
    after = Training._after
    def _after(self, done, *rest):
        after(self, done, *rest)
        if done == 10:
            os.kill(os.getpid(), signal.SIGKILL)
    Training._after = _after
    Training(config).run()
"""
KILLED_WHILE_SAVING = """
    import os, signal
    from siammcvae_core.train import state
    from siammcvae_core.train.loop import Training
    written = []
    def save_file(tensors, path, metadata, save=state.save_file):
        save(tensors, path, metadata)
        written.append(path)
        if len(written) == 2:
            with open(path, 'r+b') as file:
                file.truncate(1000)
            os.kill(os.getpid(), signal.SIGKILL)
    state.save_file = save_file
    Training(config).run()
"""


@pytest.mark.parametrize(
    ('script', 'saved'), [(KILLED_BETWEEN, 8), (KILLED_WHILE_SAVING, 4)], ids=['between', 'saving']
)
def test_a_run_killed_and_resumed_gives_the_same_weights(config, tmp_path, capsys, script, saved):
    whole = config(out=str(tmp_path / 'whole'), accumulate=2)
    Training(whole).run()
    killed = replace(whole, out=str(tmp_path / 'killed'))
    ended = in_a_process(script, config=killed)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not (Path(killed.out) / LAST).samefile(Path(whole.out) / LAST)
    assert not equal(weights(killed, STATE), weights(whole, STATE))
    capsys.readouterr()
    Training(killed).run()
    assert f'resuming at step {saved} of 12' in capsys.readouterr().out
    for name in (STATE, LAST, BEST):
        assert equal(weights(killed, name), weights(whole, name)), name
    assert metrics(killed) == metrics(whole)


def test_two_processes_get_the_losses_of_one(config, tmp_path):
    alone = config(out=str(tmp_path / 'alone'), accumulate=2, steps=6, validate_every=3)
    Training(alone).run()
    shared = replace(alone, out=str(tmp_path / 'shared'), accumulate=1)
    launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2']
    script = """
        from siammcvae_core.train.loop import Training

        def train():  # what Gloo runs on must be gone before Python ends, or it aborts now and then
            training = Training(config)
            assert training._accelerator.num_processes == 2
            training.run()

        train()
    """
    ended = in_a_process(script, *launcher, config=shared)
    assert ended.returncode == 0, ended.stderr
    for one, two in zip(metrics(alone), metrics(shared), strict=True):
        assert two == {key: pytest.approx(value, rel=1e-4, abs=1e-6) for key, value in one.items()}
    one, two = weights(alone, LAST), weights(shared, LAST)
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-5)


def test_accumulated_steps_are_those_of_one_batch(config, tmp_path):
    still = {**config().profile_changes, 'reparameterise': False}  # no noise, which goes by batches
    runs = [
        config(out=str(tmp_path / str(n)), accumulate=n, steps=4, profile_changes=still)
        for n in (1, 2)
    ]
    for run in runs:
        Training(run).run()
    for one, two in zip(*map(metrics, runs), strict=True):
        assert two == pytest.approx(one, rel=1e-4)


@pytest.fixture
def begun(config: Callable[..., TrainConfig]) -> TrainConfig:
    """Train for four steps; gives the configuration."""
    run = config(steps=4)
    Training(run).run()
    return run


def test_a_finished_run_stays_as_it_is(begun, capsys):
    before = weights(begun, STATE)
    Training(begun).run()
    assert 'resuming at step 4 of 4' in capsys.readouterr().out
    assert equal(weights(begun, STATE), before)


def test_a_state_of_another_configuration_is_refused(begun):
    data = replace(begun.data, flip=0.1)
    changes = r'lr = 0\.002 \(now 0\.5\), data\.flip = 0\.5 \(now 0\.1\)'
    with pytest.raises(InputError, match=changes):
        Training(replace(begun, lr=0.5, data=data))
    with pytest.raises(InputError, match=r"profile = 'tiny' \(now 'vit_s'\)"):
        Training(replace(begun, profile='vit_s'))


def test_a_run_can_be_restarted(begun):
    Training(replace(begun, lr=1e-3, restart=True)).run()
    assert [line['step'] for line in metrics(begun)] == [4]


def test_keys_that_do_not_change_learning_may_change(begun):
    Training(replace(begun, workers=1, accumulate=2, log_every=3)).run()


def test_a_run_may_start_from_weights(begun, config, tmp_path):
    best = str(Path(begun.out) / BEST)
    next_run = config(out=str(tmp_path / 'next'), weights=best)
    assert equal(Training(next_run)._system.network.state_dict(), weights(begun, BEST))
    other = {**begun.profile_changes, 'depth': 2}
    with pytest.raises(WeightsError, match=r'safetensors: is of .*depth=1.*expected.*depth=2'):
        Training(config(out=str(tmp_path / 'other'), weights=best, profile_changes=other))
    with pytest.raises(WeightsError, match='nowhere: no such weights file'):
        Training(config(out=str(tmp_path / 'other'), weights='nowhere'))


def test_a_damaged_state_is_refused(begun):
    path = Path(begun.out) / STATE
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=r'state\.safetensors: not a readable training state'):
        Training(begun)


def test_a_full_disk_is_one_line_and_the_last_state_stays(begun, monkeypatch):
    before = weights(begun, STATE)
    longer = replace(begun, restart=False)
    training = Training(longer)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(InputError, match=r'state\.safetensors cannot be written: .*intact$'):
            training._state.save(Path(begun.out) / STATE, begun)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert equal(weights(begun, STATE), before)
    assert not list(Path(begun.out).glob('.state*'))


def test_a_disk_full_while_logging_is_one_line(begun, tmp_path):
    path = tmp_path / 'metrics.jsonl'
    report = Report(tmp_path / 'board', path, begun, 0)
    path.symlink_to('/dev/full')
    losses = {'loss': 1.0, 'psnr_lost': 20.0, 'psnr_lost_copy': 20.0}
    validation = Validation(losses, kl=None, pictures=torch.empty(0))
    with pytest.raises(InputError, match=r'cannot be written: No space left on device; .*intact$'):
        report.validation(4, validation, best=True)
    report.close()


def test_a_torn_line_of_metrics_is_removed(begun):
    lines, path = metrics(begun), Path(begun.out) / 'metrics.jsonl'
    path.write_text(path.read_text() + '{"step": 5, "lo')
    Training(begun).run()
    assert metrics(begun) == lines


def test_malformed_lines_of_metrics_are_removed(config, tmp_path):
    path = tmp_path / 'metrics.jsonl'
    for line in (b'5', b'{}', b'{"step": "x"}', b'\xff', b'[' * 10**5):
        path.write_bytes(b'{"step": 4}\n' + line + b'\n{"step": 5}\n')
        Report(tmp_path / 'board', path, config(), 8).close()
        assert path.read_bytes() == b'{"step": 4}\n', line[:9]


def test_a_loss_that_is_not_finite_ends_the_run_with_the_last_state(config, monkeypatch):
    run = config()
    rates = loop.learning_rate
    monkeypatch.setattr(loop, 'learning_rate', lambda s, c: float('nan') if s == 5 else rates(s, c))
    with pytest.raises(InputError, match=r'the loss is nan after step 7; try a lower lr'):
        Training(run).run()
    state = weights(run, STATE)
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_a_folder_that_cannot_be_made_is_one_line(config, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match=r'file/run cannot be written: Not a directory$'):
        Training(config(out=str(tmp_path / 'file' / 'run')))
