# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every command ends in the same way: one line and an exit status."""

import pytest

from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.errors import InputError

PARSER = CommandParser('siammcvae_core.engines export', 'Write\n  what is asked for.', 'the end')
PARSER.add_argument('--size')


def test_wrong_options_are_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        PARSER.parse_args(['--sise', '3'])
    assert ended.value.code == 2
    assert capsys.readouterr().err == 'export: unrecognized arguments: --sise 3 (see --help)\n'


def test_help_keeps_the_lines_of_the_description() -> None:
    text = PARSER.format_help()
    assert text.startswith('usage: python -m siammcvae_core.engines export')
    assert 'Write\n  what is asked for.' in text


@pytest.mark.parametrize(
    ('error', 'status', 'message'),
    [
        (InputError('two\nlines'), 2, 'two lines'),
        (OSError('the disk is full'), 2, 'the disk is full'),
        (ModuleNotFoundError(name='onnx.x'), 2, 'needs the package onnx: pip install onnx'),
        (RuntimeError('the build failed'), 1, 'the build failed'),
        (KeyboardInterrupt(), 130, 'interrupted'),
    ],
)
def test_errors_are_one_line_with_their_status(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: int, message: str
) -> None:
    def fail(_: object) -> None:
        raise error

    assert PARSER.run(fail, [], failures=(RuntimeError,)) == status
    assert capsys.readouterr().err == f'export: {message}\n'


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        PARSER.run(lambda _: 1 // 0, [])


def test_the_status_is_that_of_the_command() -> None:
    assert PARSER.run(lambda options: int(options.size), ['--size', '7']) == 7
    assert PARSER.run(lambda _: None, []) == 0
