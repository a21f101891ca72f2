# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restore command on videos: the node's frames, exact where intact."""

from pathlib import Path

import cv2
from filelock import FileLock
import numpy as np
import pytest
from support.recorded_drive import (
    arguments,
    detected_and_restored,
    expected,
    FRAMES,
    images,
    MOTION,
    SIZE,
)

from siammcvae_core.data.sources import open_source
from siammcvae_core.restore.__main__ import main
from siammcvae_core.restore.recordings.sequence import MaskedFrame
from siammcvae_core.restore.recordings.videos import VideoEncoder


def test_lossless_video_holds_the_frames_of_the_restorer(drive: Path, tmp_path: Path) -> None:
    out = tmp_path / 'restored.mkv'
    assert main(arguments(drive, out)) == 0
    output = images(out)
    assert len(output) == FRAMES
    for number, (frame, expected_frame) in enumerate(zip(output, expected(drive), strict=True)):
        assert np.array_equal(frame, expected_frame), f'frame {number}'
    stamps = [frame.stamp for frame in open_source(out)]
    assert stamps == [frame.stamp for frame in open_source(drive / 'frames')]
    assert not out.with_name('restored.mkv.partial').exists()


def test_h264_is_close_and_keeps_uneven_times(drive: Path, tmp_path: Path) -> None:
    video, out = tmp_path / 'uneven.mp4', tmp_path / 'restored.mp4'
    assert main(arguments(drive, video)) == 0
    encoder = VideoEncoder(video, SIZE, 10.0)
    with encoder.open_part(tmp_path / 'part.nut') as write:
        for n, image in enumerate(images(video)):
            write(MaskedFrame(n, n * 100_000_000 + n // 2 * 50_000_000, image, None), None)
    encoder.join([tmp_path / 'part.nut'], video)
    assert main([str(video), str(out), '--mask', str(drive / 'masks'), *MOTION]) == 0
    stamps = [frame.stamp for frame in open_source(out)]
    assert stamps[:5] == [0, 100_000_000, 250_000_000, 350_000_000, 500_000_000]
    for output, original, mask in zip(
        images(out), images(video), images(drive / 'masks'), strict=True
    ):
        if not mask.any():
            assert np.abs(output.astype(int) - original).mean() < 4


def test_detected_faults_are_restored_without_masks(drive: Path, tmp_path: Path) -> None:
    out = tmp_path / 'restored.mkv'
    assert main([str(drive / 'frames'), str(out), '--detect', *MOTION]) == 0
    output = images(out)
    for number, (frame, expected_frame) in enumerate(
        zip(output, detected_and_restored(drive), strict=True)
    ):
        assert np.array_equal(frame, expected_frame), f'frame {number}'
    with_masks = list(expected(drive))
    alike = [
        np.array_equal(frame, expected_frame)
        for frame, expected_frame in zip(output, with_masks, strict=True)
    ]
    masks = images(drive / 'masks')
    whole = [n for n, mask in enumerate(masks) if mask.all() or not mask.any()]
    assert np.mean([alike[n] for n in whole]) > 0.5  # what is lost is found, by and large


def test_two_processes_do_not_write_the_same_output(
    drive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'restored.mkv'
    folder = tmp_path / 'restored.mkv.partial'
    folder.mkdir()
    with FileLock(folder / 'lock'):
        assert main(arguments(drive, out)) == 2
    assert 'another process is restoring' in capsys.readouterr().err


def test_overwrite_is_asked_for(
    drive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'restored.mp4'
    out.write_text('precious')
    assert main(arguments(drive, out)) == 2
    assert capsys.readouterr().err == f'restore: {out} exists; --overwrite replaces it\n'
    assert out.read_text() == 'precious'
    assert main([*arguments(drive, out), '--overwrite']) == 0
    assert len(images(out)) == FRAMES


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['{frames}', '{out}.mkv'], 'say what is lost'),
        (['{frames}', '{out}.mkv', '--mask', '{masks}', '--detect'], 'leave --mask'),
        (['{frames}', '{out}.mkv', '--mask', '{few}'], 'has 150 frames, its mask 2'),
        (['{frames}', '{out}.avi', '--mask', '{masks}'], 'expected .mp4'),
        (['{frames}', '{out}.mkv', '--mask', '{nothing}'], 'no such file or folder'),
        (['{nothing}', '{out}.mkv', '--mask', '{masks}'], 'no such file or folder'),
        (['{frames}', '{frames}', '--mask', '{masks}'], 'is the input'),
        (['{frames}', '{out}.mkv', '--mask-topic', '/m'], 'is no bag'),
        (['{frames}', '{out}.mkv', '--mask', '{masks}', '--weights', '{out}'], 'no such weights'),
        (['{frames}', '{out}.mkv', '--max-reference-age', '-1'], '0 s or more'),
    ],
)  # fmt: skip
def test_unusable_input_is_one_line(
    drive: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    few = tmp_path / 'few'
    few.mkdir()
    for n in range(2):
        cv2.imwrite(str(few / f'{n}.png'), np.zeros(SIZE[::-1], np.uint8))
    places = {
        'frames': drive / 'frames', 'masks': drive / 'masks', 'few': few,
        'out': tmp_path / 'out', 'nothing': tmp_path / 'nothing',
    }  # fmt: skip
    assert main([text.format(**places) for text in options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1
