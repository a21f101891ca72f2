# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line of training: `python -m siammcvae_core.train --config FILE key=value ...`."""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
import difflib
from pathlib import Path
import sys
from typing import Any, get_type_hints

from jsonargparse import ArgumentError, ArgumentParser, DefaultHelpFormatter, get_loader
import yaml  # type: ignore[import-untyped]

from siammcvae_core.errors import InputError
from siammcvae_core.train.config import TrainConfig

DESCRIPTION = """\
Train SiamMCVAE, or another restorer, on clips of drives. Interrupted? Run the same command again:
it goes on from the last saved state in `out`.

  python -m siammcvae_core.train --config config/train/tiny.yaml data.train=DIR out=out/tiny
  accelerate launch --multi_gpu -m siammcvae_core.train --config config/train/vit_s.yaml ...

Writes into `out`: best.safetensors (averaged weights, lowest validation loss), last.safetensors,
state.safetensors (to resume from), metrics.jsonl and tensorboard/.
"""

MOST_VALUES, DEEPEST = 10_000, 50  # in a file


class _Help(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Keep the lines of the description."""


def parse(arguments: Sequence[str]) -> TrainConfig:
    """Read `--config FILE` and `key=value` (or `--key=value`) arguments, the later ones winning.

    Raises InputError of one line; a key that does not exist is named with the nearest one.
    """
    options = [a if a.startswith('-') or '=' not in a else f'--{a}' for a in arguments]
    for option in options:
        key, equals, _ = option.removeprefix('--').partition('=')
        if equals and key not in ('config', 'print_config'):
            _check_key(key)
    files = list(_config_files(options))
    for file in files:
        for key in _keys_of(file):
            _check_key(key, f'config {file}: ')
    where = ''.join(f'config {file}: ' for file in files)
    parser = ArgumentParser(
        prog='python -m siammcvae_core.train',
        description=DESCRIPTION,
        formatter_class=_Help,
        exit_on_error=False,
    )
    parser.add_argument('--config', action='config', help='YAML file of keys as listed below')
    parser.add_class_arguments(TrainConfig)
    try:
        parsed = parser.parse_args(options)
        config = parser.instantiate(parsed)
        return TrainConfig(**{f.name: config[f.name] for f in fields(TrainConfig)})
    except RecursionError as error:
        raise InputError(f'{where}nests too deeply') from error
    except (ArgumentError, InputError, TypeError) as error:
        raise InputError(where + ' '.join(str(error).split())) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; exit status 0, 2 for input that cannot be used, 130 when interrupted."""
    try:
        config = parse(sys.argv[1:] if arguments is None else arguments)
        from siammcvae_core.train.loop import Training

        Training(config).run()
    except InputError as error:
        print(f'train: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('train: interrupted; the same command goes on from the last state', file=sys.stderr)
        return 130
    return 0


def _config_files(options: Sequence[str]) -> Iterator[Path]:
    for option, value in zip(options, [*options, ''][1:], strict=True):
        if option == '--config':
            yield Path(value)
        elif option.startswith('--config='):
            yield Path(option.partition('=')[2])


def _keys_of(file: Path) -> Iterator[str]:
    try:
        text = file.read_text()
        _check_depth(text)
        content = get_loader('yaml')(text)
    except OSError as error:
        raise InputError(f'config {file} cannot be read: {error.strerror}') from error
    except Exception as error:  # of whatever reads YAML for jsonargparse
        raise InputError(f'config {file} is no YAML: {" ".join(str(error).split())}') from error
    if not isinstance(content, dict):
        raise InputError(f'config {file}: expected keys with values, got {type(content).__name__}')
    if not _is_short(content):
        raise InputError(f'config {file}: says more than {MOST_VALUES} values')
    for key, value in _flat(content):
        if value is None:
            raise InputError(f'config {file}: {key} has no value')
        yield key


def _check_depth(text: str) -> None:
    """Raise ValueError for what nests so deeply that building it would overflow the stack."""
    depth = 0
    for event in yaml.parse(text, getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError('it nests too deeply')


def _is_short(content: object) -> bool:
    """Count what a file says; by references to itself it may say it without end."""
    waiting, count = [content], 0
    while waiting and count <= MOST_VALUES:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple | set):
            waiting.extend(value)
    return not waiting


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from ((f'{key}.{rest}', below) for rest, below in _flat(value))
        else:
            yield str(key), value


def _check_key(key: str, where: str = '') -> None:
    known = dict(_known(TrainConfig))
    if key in known or any(is_dict and key.startswith(f'{k}.') for k, is_dict in known.items()):
        return
    if key == 'data':  # jsonargparse would take the name of a file or class for it, and import that
        raise InputError(f"{where}'data' has keys of its own, such as data.train")
    near = difflib.get_close_matches(key, known, n=1, cutoff=0)
    raise InputError(f'{where}there is no key {key!r}; the nearest is {near[0]!r}')


def _known(config: Any, prefix: str = '') -> Iterator[tuple[str, bool]]:
    """List the keys there are, and whether each takes keys of the user's own."""
    types = get_type_hints(config)
    for field in fields(config):
        kind = types[field.name]
        if is_dataclass(kind):
            yield from _known(kind, f'{field.name}.')
        else:
            yield prefix + field.name, getattr(kind, '__origin__', None) is dict


if __name__ == '__main__':
    sys.exit(main())
