# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Values of command line options: lists, numbers and sizes."""

import re

from siammcvae_core.errors import InputError


def parse_list(text: str, option: str) -> tuple[str, ...]:
    """Split 'a,b' at its commas; InputError for an empty one."""
    parts = tuple(part.strip() for part in text.split(','))
    if not all(parts):
        raise InputError(f'{option}: expected names separated by commas, got {text!r}')
    return parts


def parse_numbers(text: str, option: str) -> tuple[int, ...]:
    """Read '0,1,2'; InputError for anything else."""
    try:
        return tuple(int(part) for part in parse_list(text, option))
    except ValueError:
        raise InputError(f'{option}: expected whole numbers such as 0,1,2, got {text!r}') from None


def parse_size(text: str) -> tuple[int, int]:
    """Read WIDTHxHEIGHT as (height, width); InputError for anything else."""
    match = re.fullmatch(r'(\d{1,5})x(\d{1,5})', text.strip())
    if match is None:
        raise InputError(f'--size: expected WIDTHxHEIGHT such as 640x368, got {text!r}')
    return int(match[2]), int(match[1])
