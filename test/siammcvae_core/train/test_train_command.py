# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: keys and files it accepts, and one-line errors for the others."""

from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
import sys

import pytest
import torch

pytest.importorskip('accelerate', reason='accelerate is not installed')
pytest.importorskip('jsonargparse', reason='jsonargparse is not installed')

from siammcvae_core.baselines.catalogue import LEARNED_BASELINES
from siammcvae_core.data.pairs import Gap
from siammcvae_core.errors import InputError
from siammcvae_core.faults.masks import PATTERNS
from siammcvae_core.train.__main__ import main, parse
from siammcvae_core.train.catalogue import build_system
from siammcvae_core.train.config import DataConfig, fault_spec, TrainConfig

CONFIGS = Path(__file__).parents[3] / 'config' / 'train'
SHIPPED = sorted(CONFIGS.glob('*.yaml'))


def test_keys_override_the_file_and_may_be_nested(tmp_path):
    file = tmp_path / 'a.yaml'
    file.write_text('steps: 7\nlr: 1e-4\nprofile_changes: {depth: 2, size: [32, 32]}\n'
                    'data: {train: here, gap: [1, 4], faults: {random: 1.0}}\n')  # fmt: skip
    run = parse([
        '--config', str(file), 'steps=9', '--batch=2', 'data.gap=[2,8]',
        'profile_changes.depth=3', 'data.faults={"band": 2}',
    ])  # fmt: skip
    assert (run.steps, run.lr, run.batch) == (9, 1e-4, 2)
    assert (run.data.train, run.data.gap, run.data.faults) == ('here', (2, 8), {'band': 2.0})
    assert run.profile_changes == {'depth': 3, 'size': [32, 32]}
    assert parse(['data.train=[a, b]']).data.train == ['a', 'b']
    assert parse(['data.train=a', 'data.gap=[0.1s, 3s]']).data.gaps[1] == Gap(seconds=3)


@pytest.mark.parametrize('file', SHIPPED, ids=lambda path: path.name)
def test_shipped_files_build_what_they_name(file):
    run = parse([f'--config={file}', 'data.train=here'])
    with torch.device('meta'):
        system = build_system(run.system, run.profile, run.profile_changes)
    assert run.data.side >= min(system.size)
    assert run.micro_batch(processes=1) == run.batch
    assert Path(run.out).name == file.stem
    assert f'`{file.name}`' in (CONFIGS.parents[1] / 'docs' / 'training.md').read_text()


@pytest.mark.parametrize('system', LEARNED_BASELINES)
def test_baselines_are_trained_with_the_same_budget(system):
    ours, its = (
        parse([f'--config={CONFIGS / name}.yaml', 'data.train=here']) for name in ('tiny', system)
    )
    assert its == replace(ours, system=system, out=its.out)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['data.trian=x'], "there is no key 'data.trian'; the nearest is 'data.train'"),
        (['--stpes=3'], "there is no key 'stpes'; the nearest is 'steps'"),
        (['train=x'], "there is no key 'train'; the nearest is 'data.train'"),
        (['steps=many'], 'steps'),
        (['data.gap=3'], 'data.gap'),
        (['data.gap=[5,2]'], 'data.gap: expected least and most, both in frames or both in sec'),
        (['data.gap=[1s,0.5s]'], 'data.gap: expected least and most'),
        (['data.gap=[1,2s]'], 'data.gap: expected least and most'),
        (['data.gap=[0,2]'], "gap '0': expected frames such as 4, or seconds such as 0.5s"),
        (['data.ratio=[0,0.5]'], 'data.ratio: expected two shares in (0, 1]'),
        (['data.faults={"radnom": 1}'], 'data.faults: expected weights of random'),
        (['data.faults={"random": 0}'], 'data.faults: expected weights of random'),
        (['data.flip=2'], 'data.flip: expected a share in [0, 1], got 2.0'),
        (['batch=0'], 'batch: expected a number above 0, got 0'),
        (['ema=1'], 'ema: expected a decay in [0, 1), got 1.0'),
        (['precision=fp8'], "precision: expected no or bf16, got 'fp8'"),
        (['--config', 'nowhere.yaml'], 'config nowhere.yaml cannot be read: No such file'),
        ([], 'data.train: expected a folder of clips, data.train=DIR'),
        (['data.train=x', 'stray'], 'stray'),
    ],
)
def test_mistakes_are_one_line_and_exit_2(arguments, message, capsys):
    train = (
        []
        if any('train' in a or 'config' in a for a in arguments) or not arguments
        else ['data.train=x']
    )
    assert main([*train, *arguments]) == 2
    error_text = capsys.readouterr().err
    assert error_text.startswith('train: ')
    assert message in error_text
    assert error_text.count('\n') == 1


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('data: {flipp: 1}', "there is no key 'data.flipp'; the nearest is 'data.flip'"),
        ('data: [', 'is no YAML: while parsing'),
        ('just words', 'expected keys with values, got str'),
    ],
)
def test_mistakes_in_a_file_name_the_file(tmp_path, content, message):
    file = tmp_path / 'a.yaml'
    file.write_text(content)
    with pytest.raises(InputError) as raised:
        parse(['--config', str(file)])
    assert str(file) in str(raised.value)
    assert message in str(raised.value)


def test_every_error_in_a_file_names_it(tmp_path):
    file = tmp_path / 'a.yaml'
    for content in ('lr: [1]', 'steps: -1', 'data: {gap: [5, 2]}', 'data: {side: x}'):
        file.write_text(f'{content}\n')
        with pytest.raises(InputError, match=f'^config {file}: '):
            parse(['--config', str(file), 'data.train=x'])


@pytest.mark.parametrize('key', ['data', 'profile_changes', 'profile_changes.x', 'data.faults'])
@pytest.mark.parametrize('value', ['this.Class', '{class_path: this.Class}'])
def test_a_file_can_name_no_class_to_load(tmp_path, key, value):
    sys.modules.pop('this', None)
    file = tmp_path / 'a.yaml'
    file.write_text(f'{key}: {value}\n')
    with suppress(InputError):
        parse(['--config', str(file), 'data.train=x'])
    assert 'this' not in sys.modules


def test_a_file_that_expands_to_too_many_values_is_refused(tmp_path):
    file = tmp_path / 'a.yaml'
    layers = (f'&a{k} [{", ".join([f"*a{k - 1}"] * 9)}]' for k in range(1, 12))
    for content in ('&a {b: *a}', '{x: &a {b: [*a]}}', f'{{x: [&a0 y, {", ".join(layers)}]}}'):
        file.write_text(f'profile_changes: {content}\n')
        with pytest.raises(InputError, match=f'^config {file}: says more than 10000 values$'):
            parse(['--config', str(file), 'data.train=x'])


def test_a_folder_without_clips_is_one_line_and_exit_2(tmp_path, capsys):
    (tmp_path / 'empty').mkdir()
    run = [f'data.train={tmp_path}/empty', f'out={tmp_path}/run', 'device=cpu']
    assert main(run) == 2
    assert capsys.readouterr().err == (
        f'train: {tmp_path}/empty holds no videos, bags or image sequences\n'
    )
    assert main([run[0].replace('empty', 'nowhere'), *run[1:]]) == 2
    assert 'no such file or folder' in capsys.readouterr().err


def test_every_key_is_described():
    for config in (TrainConfig, DataConfig):
        for field in fields(config):
            assert f'        {field.name}: ' in config.__doc__


def test_every_pattern_can_be_trained_with():
    assert fault_spec('band', 0.5) == 'band:0.5'
    assert fault_spec('full', 0.5) == 'full'
    assert DataConfig(train='x', faults=dict.fromkeys(PATTERNS, 1.0)).faults.keys() == set(PATTERNS)
