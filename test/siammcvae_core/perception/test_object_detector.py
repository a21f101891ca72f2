# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Detectors of every layout of output, as ONNX files that OpenCV runs."""

from pathlib import Path

import numpy as np
import pytest
from support.detectors import SIDE, write_detector

from siammcvae_core.errors import InputError
from siammcvae_core.perception import ObjectDetector
from siammcvae_core.perception.output_layouts import layout_of

LAYOUTS = ('yolox', 'yolox_decoded', 'yolov5', 'yolov8', 'yolov10')


def frame_with_squares() -> np.ndarray:
    """Return a frame twice as large as the input, not square, with a blue and a red square."""
    frame = np.zeros((96, 128, 3), np.uint8)
    frame[32:64, 0:32, 0] = 255
    frame[0:32, 96:128, 2] = 255
    return frame


@pytest.mark.parametrize('layout', LAYOUTS)
def test_objects_are_where_they_are_in_the_frame(layout: str, tmp_path: Path) -> None:
    detector = ObjectDetector(write_detector(tmp_path / 'net.onnx', layout))
    assert detector.size == (SIDE, SIDE)
    found = detector.detect(frame_with_squares())
    found = found.pick(np.argsort(found.boxes[:, 0]))
    np.testing.assert_allclose(found.boxes, [[0, 32, 32, 64], [96, 0, 128, 32]], atol=1e-4)
    assert found.scores.min() > 0.9
    blue, red = (0, 2) if layout.startswith('yolox') else (2, 0)  # BGR or RGB
    assert found.classes.tolist() == [blue, red]


def test_of_coco_only_what_is_on_roads_counts(tmp_path: Path) -> None:
    detector = ObjectDetector(write_detector(tmp_path / 'net.onnx', classes=80))
    frame = frame_with_squares()
    assert detector.detect(frame).classes.tolist() == [2, 0]
    assert len(detector.detect(np.zeros_like(frame))) == 0


def test_grey_frames_are_looked_at_too(tmp_path: Path) -> None:
    detector = ObjectDetector(write_detector(tmp_path / 'net.onnx'))
    frame = np.zeros((96, 128), np.uint8)
    frame[32:64, 0:32] = 255
    np.testing.assert_allclose(detector.detect(frame).boxes[0], [0, 32, 32, 64], atol=1e-4)


@pytest.mark.parametrize('shape', [(1, 1000), (1, 84, 5), (2, 84, 8), (1, 5, 100), (1, 3, 64, 64)])
def test_an_output_of_another_kind_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match='x'.join(map(str, shape)) + ' at 64x64'):
        layout_of(shape, (SIDE, SIDE))


@pytest.mark.parametrize('content', [None, b'', b'not a network'])
def test_a_file_that_is_no_network_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / 'net.onnx'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        ObjectDetector(path)
