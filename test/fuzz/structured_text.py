# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damage to JSON, YAML and safetensors headers: they still parse, or nearly, but are wrong."""

from collections.abc import Callable
import copy
import json
from random import Random
from typing import Any

DEEP = 100_000
ODD = (
    'null', 'true', 'false', '-1', '0', '1.5', '1e999', '-1e308', 'NaN', 'Infinity', '-Infinity',
    '1000000000', '18446744073709551616', '9' * 5000, '""', '"x"', '"1"', '"\\ud800"', '"\\u0000"',
    '"/"', '"../../x"', '"a\\nb"', '"' + 'x' * 100_000 + '"', '[]', '{}', '[[]]', '[null]',
    '{"a": 1}', '[' + '0, ' * 10_000 + '0]', '[' * DEEP + ']' * DEEP,
    '{"a":' * DEEP + '1' + '}' * DEEP,
)  # fmt: skip
"""JSON values; most are of the wrong type wherever they are put."""
LEVELS = 12
LAYERS = [f'&a{k} [{", ".join([f"*a{k - 1}"] * 9)}]' for k in range(1, LEVELS)]
BOMB = f'[&a0 x, {", ".join(LAYERS)}]'
"""A YAML list whose last value has 9^11 leaves, which share their memory."""
DICT_BOMB = BOMB
for k in range(1, LEVELS):
    keys = ', '.join(f'k{n}: *a{k - 1}' for n in range(9))
    DICT_BOMB = DICT_BOMB.replace(LAYERS[k - 1], f'&a{k} {{{keys}}}')
ODD_YAML = (
    '!!python/object/apply:os.system ["true"]', '!!python/name:os.system', '!!binary "=="',
    '&self [*self]', '&self {random: *self}', '&self {x: {y: *self}}', '*nobody', BOMB, DICT_BOMB,
    '2001-01-01', '!!set {a, b}', '? [a, b]\n: c', '{[a]: b}', '{1: 2, null: 3}', '0o777', '1_0',
    '~', '"\\x00"', '|', '<<', '@', '%', '\t', '[' * 2000, '{' * 2000,
    '{class_path: this.X}', '{x: {class_path: this.X, init_args: {}}}', 'this.X',
)  # fmt: skip
_MARK, _TWICE = '@odd@', '@twice@'


def odd_json(rng: Random, data: bytes) -> bytes:
    """Change one value or key of a JSON text; other text stays as it is."""
    return _changed(rng, data, json.loads, ODD)


def odd_json_lines(rng: Random, data: bytes) -> bytes:
    """Change one line of many."""
    lines = data.splitlines(keepends=True)
    if lines:
        chosen = rng.randrange(len(lines))
        lines[chosen] = odd_json(rng, lines[chosen].strip()) + b'\n'
    return b''.join(lines)


def odd_yaml(rng: Random, data: bytes) -> bytes:
    """Change one value or key of a YAML text."""
    import yaml  # type: ignore[import-untyped]

    if b'&' in data:  # references could recurse without end, here as in a reader
        return data
    return _changed(rng, data, yaml.safe_load, ODD + ODD_YAML)


def odd_safetensors(rng: Random, data: bytes) -> bytes:
    """Change the header of a safetensors file, or JSON within its metadata, and its length too."""
    length = int.from_bytes(data[:8], 'little')
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.get('__metadata__', {})
        inner = [key for key, value in metadata.items() if value.startswith('{')]
    except (ValueError, AttributeError, RecursionError):  # damaged already
        return data
    if inner and rng.random() < 0.7:
        key = rng.choice(inner)
        changed = odd_json(rng, metadata[key].encode()).decode(errors='replace')
        written = json.dumps({**header, '__metadata__': {**metadata, key: changed}}).encode()
    else:
        written = odd_json(rng, json.dumps(header).encode())
    return len(written).to_bytes(8, 'little') + written + data[8 + length :]


TEXT_DAMAGES: dict[str, Callable[[Random, bytes], bytes]] = {
    '.json': odd_json, '.jsonl': odd_json_lines, '.yaml': odd_yaml, '.safetensors': odd_safetensors,
}  # fmt: skip
"""By suffix, the damage to structured text."""


def _changed(
    rng: Random, data: bytes, parse: Callable[[bytes], Any], odd: tuple[str, ...]
) -> bytes:
    try:
        whole = {'': copy.deepcopy(parse(data))}
        places = list(_places(whole))
    except Exception:  # damaged already
        return data
    where, key = rng.choice(places)
    written = rng.choice(odd)
    how = rng.random()
    if how < 0.1 and isinstance(where, dict) and key:
        del where[key]
    elif how < 0.2 and isinstance(where, dict) and key:
        where[_TWICE + key] = _MARK
    elif how < 0.3 and isinstance(where, dict) and key:
        where[rng.choice(('', 'x', key.upper(), f'{key}.{key}', '\ud800'))] = where.pop(key)
    elif how < 0.5 and isinstance(where[key], int | float):
        where[key] = rng.choice((-where[key], where[key] + 1, where[key] * 10**9, str(where[key])))
    else:
        where[key] = _MARK
    text = json.dumps(whole[''], indent=rng.choice((None, 1)), default=str)
    text = text.replace(f'"{_MARK}"', written).replace(_TWICE, '')
    return text.encode()


def _places(value: Any) -> Any:
    """List every (container, key) below a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in inner:
        yield value, key
        if isinstance(below, dict | list):
            yield from _places(below)
