# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A full disk under any kind of output is one line, and the same command goes on later."""

from pathlib import Path
import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from siammcvae_core.data.bags import TYPES
from siammcvae_core.data.sources import open_source
from siammcvae_core.restore.__main__ import main

IMAGE = 'sensor_msgs/msg/Image'
WIDTH, HEIGHT, FRAMES = 160, 120, 70
LIMIT = 200_000  # bytes of a file: more than a part, less than any output

LIMITED = """\
import resource, sys
from siammcvae_core.restore.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""


def picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(256, size=(HEIGHT, WIDTH, 3), dtype=np.uint8)


def mask(number: int) -> np.ndarray:
    lost = np.zeros((HEIGHT, WIDTH), np.uint8)
    lost[10:20, 10:20] = 255 * (number % 9 == 5)
    return lost


def message(number: int, image: np.ndarray) -> bytes:
    types: Any = TYPES.types
    stamp = types['builtin_interfaces/msg/Time'](1_700_000_000, number * 10_000_000)
    head = types['std_msgs/msg/Header'](stamp, 'lens')
    encoding = 'bgr8' if image.ndim == 3 else 'mono8'
    step = image[0].size
    image_message = types[IMAGE](head, HEIGHT, WIDTH, encoding, 0, step, image.ravel())
    return bytes(TYPES.serialize_cdr(image_message, IMAGE))


def record_bag(path: Path, plugin: StoragePlugin) -> list[str]:
    with Writer(path, version=8, storage_plugin=plugin) as writer:
        for topic, content in (('/front/image_raw', picture), ('/front/fault_mask', mask)):
            connection = writer.add_connection(topic, IMAGE, typestore=TYPES)
            for number in range(FRAMES):
                writer.write(connection, number, message(number, content(number)))
    return [str(path)]


def draw_frames(folder: Path) -> list[str]:
    for name, content in (('frames', picture), ('masks', mask)):
        (folder / name).mkdir(parents=True)
        for number in range(FRAMES):
            cv2.imwrite(str(folder / name / f'{number:03}.png'), content(number))
    return [str(folder / 'frames'), '--mask', str(folder / 'masks')]


@pytest.mark.parametrize('kind', ['sqlite3', 'mcap', 'mp4', 'mkv'])
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(kind: str, tmp_path: Path) -> None:
    if kind in ('mp4', 'mkv'):
        source, name = draw_frames(tmp_path / 'in'), f'out.{kind}'
    else:
        source, name = record_bag(tmp_path / 'in', StoragePlugin[kind.upper()]), 'out'
    out = tmp_path / name
    arguments = [source[0], str(out), *source[1:], '--weights', 'none']
    full = subprocess.run(
        [sys.executable, '-c', LIMITED, str(LIMIT), *arguments], capture_output=True, text=True
    )
    assert full.returncode == 1, full.stderr
    (line,) = full.stderr.splitlines()
    assert str(out.with_name(name + '.partial')) in line
    assert line.endswith('; finished parts stay')
    assert not out.exists()
    assert main(arguments) == 0
    assert not out.with_name(name + '.partial').exists()
    whole = tmp_path / f'whole{out.suffix}'
    assert main([source[0], str(whole), *arguments[2:]]) == 0
    assert content_of(out) == content_of(whole)


def content_of(path: Path) -> Any:
    if path.is_file():  # not by its bytes: Matroska files have a random name inside
        return [(frame.stamp, frame.image.tobytes()) for frame in open_source(path)]
    with Reader(path) as bag:
        assert bag.topics['/front/restored/mask'].msgcount == len(range(5, FRAMES, 9))
        return [(c.topic, time, bytes(data)) for c, time, data in bag.messages()]
