# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checks the arguments of the launch files, each by its name, before a process starts."""

from siammcvae_core.errors import InputError
from siammcvae_core.files import expand_user

WORDS = {'true': True, 'false': False}


def parse_bool(name: str, text: str) -> bool:
    """Read true or false, in any case; InputError for anything else."""
    if text.strip().lower() not in WORDS:
        raise InputError(f"{name}: expected true or false, got '{text}'")
    return WORDS[text.strip().lower()]


def parse_share(name: str, text: str) -> float:
    """Read a number from 0 to 1; InputError for anything else."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise InputError(f"{name}: expected a number from 0 to 1, got '{text}'")
    return value


def existing_file(name: str, text: str) -> str:
    """Return the path of a file; InputError if there is none."""
    path = expand_user(text)
    if not path.is_file():
        raise InputError(f'{name}: no such file: {text}')
    return str(path)


def split_cameras(cameras: list[str]) -> list[str]:
    """Check the cameras that get a process each: all named, or one of no name; no name twice."""
    if not any(cameras):
        raise InputError('processes: per_camera needs the cameras by name, as cameras:=front,left')
    if twice := sorted({camera for camera in cameras if cameras.count(camera) > 1}):
        raise InputError(f'cameras: {", ".join(map(repr, twice))} given twice')
    return cameras
