# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restore command on videos: the node's frames, exact where intact, and whole after a kill."""

from collections.abc import Iterator
from pathlib import Path
import signal
import subprocess
import sys

import cv2
from filelock import FileLock
import numpy as np
import pytest

from siammcvae_core.data.sources import open_source
from siammcvae_core.detection.detector import Detector
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.restore.__main__ import main
from siammcvae_core.restore.recordings.sequence import MaskedFrame
from siammcvae_core.restore.recordings.videos import VideoEncoder
from siammcvae_core.restore.restorer import Restorer
from siammcvae_core.simulation.drive import DriveSim

SIZE = (96, 64)
FRAMES = 150  # three parts

MOTION = ('--weights', 'none')  # exact to the bit, and quick


@pytest.fixture(scope='module')
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a damaged drive as a folder of images, and its masks."""
    folder = tmp_path_factory.mktemp('recorded')
    for name in ('frames', 'masks'):
        (folder / name).mkdir()
    faults = FaultInjector(['random:0.5', 'band:0.3', 'full'], 0.5, seed=1, burst=2)
    for frame in DriveSim(SIZE, frames=FRAMES):
        damaged = faults.inject(frame.index, frame.image)
        cv2.imwrite(str(folder / 'frames' / f'{frame.index}.png'), damaged.frame)
        cv2.imwrite(str(folder / 'masks' / f'{frame.index}.png'), damaged.mask * np.uint8(7))
    return folder


def arguments(drive: Path, out: Path) -> list[str]:
    return [str(drive / 'frames'), str(out), '--mask', str(drive / 'masks'), *MOTION]


def images(path: Path) -> list[np.ndarray]:
    source = open_source(path)
    frames = [frame.image for frame in source]
    assert source.broken == ''
    return frames


def expected(drive: Path) -> Iterator[np.ndarray]:
    """Restore frame by frame, as the node does."""
    restorer = Restorer()
    for frame, mask in zip(
        open_source(drive / 'frames'), open_source(drive / 'masks'), strict=True
    ):
        if mask.image.any():
            yield restorer.restore(frame.image, mask.image, frame.stamp * 1e-9).frame
        else:
            restorer.observe(frame.image, frame.stamp * 1e-9)
            yield frame.image


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


def test_a_killed_run_resumes_and_gives_the_same_frames(drive: Path, tmp_path: Path) -> None:
    out = tmp_path / 'restored.mkv'
    state = tmp_path / 'restored.mkv.partial' / 'state.json'
    # The run says that it is at frame 70, in the second part, and waits there to be killed.
    script = (
        'import sys\n'
        'from siammcvae_core.restore.recordings import sequence\n'
        'from siammcvae_core.restore.__main__ import main\n'
        'restore = sequence._restore\n'
        'def stop_at_70(frame, restorer):\n'
        '    if frame.index == 70:\n'
        '        print("at frame 70", flush=True)\n'
        '        sys.stdin.read()\n'
        '    return restore(frame, restorer)\n'
        'sequence._restore = stop_at_70\n'
        'sys.exit(main(sys.argv[1:]))\n'
    )
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(
        [sys.executable, '-c', script, *arguments(drive, out)], cwd=root, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert 'at frame 70\n' in iter(process.stdout.readline, '')
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert state.exists()
    assert not out.exists()
    assert main(arguments(drive, out)) == 0
    for number, (frame, expected_frame) in enumerate(
        zip(images(out), expected(drive), strict=True)
    ):
        assert np.array_equal(frame, expected_frame), f'frame {number}'


def test_resuming_skips_finished_parts(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'restored.mkv'
    seen: list[int] = []
    restore = Restorer.restore

    def stop_once(self: Restorer, frame: np.ndarray, mask: np.ndarray, stamp: float) -> object:
        seen.append(round(stamp * 10))
        if seen[-1] > 100:
            raise KeyboardInterrupt
        return restore(self, frame, mask, stamp)

    monkeypatch.setattr(Restorer, 'restore', stop_once)
    assert main(arguments(drive, out)) == 130
    assert min(seen) < 64
    monkeypatch.setattr(Restorer, 'restore', restore)
    capsys.readouterr()
    assert main(arguments(drive, out)) == 0
    printed = capsys.readouterr().out
    assert 'going on at 64' in printed
    assert f'{FRAMES} frames: ' in printed
    restored = sum(mask.image.any() for mask in open_source(drive / 'masks'))
    assert f'{FRAMES - restored} intact' in printed  # counts of the first run are not lost


@pytest.mark.parametrize('damaged', ['state.json', '00000.nut'])
def test_a_damaged_partial_output_is_not_resumed(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], damaged: str,
) -> None:  # fmt: skip
    out = tmp_path / 'restored.mkv'
    with monkeypatch.context() as patched:
        patched.setattr(VideoEncoder, 'join', lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main(arguments(drive, out))
    file = out.with_name('restored.mkv.partial') / damaged
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert main(arguments(drive, out)) == 2
    error = capsys.readouterr().err
    assert f'{file.parent} is damaged: ' in error
    assert error.endswith('; --overwrite begins anew\n')
    assert not out.exists()
    assert main([*arguments(drive, out), '--overwrite']) == 0
    for frame, expected_frame in zip(images(out), expected(drive), strict=True):
        assert np.array_equal(frame, expected_frame)


def detected_and_restored(drive: Path) -> Iterator[np.ndarray]:
    """Detect faults and restore frame by frame, as the node does without masks."""
    restorer, detector = Restorer(), Detector()
    for frame in open_source(drive / 'frames'):
        stamp = frame.stamp * 1e-9
        mask = detector.inspect(frame.image, stamp).pixels()
        if mask.any():
            yield restorer.restore(frame.image, mask, stamp).frame
        else:
            restorer.observe(frame.image, stamp)
            yield frame.image


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


def test_resumed_detection_finds_the_same(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'restored.mkv'
    restore = Restorer.restore

    def stopped(self: Restorer, frame: np.ndarray, mask: np.ndarray, stamp: float) -> object:
        if stamp > 10.0:
            raise KeyboardInterrupt
        return restore(self, frame, mask, stamp)

    options = [str(drive / 'frames'), str(out), '--detect', *MOTION]
    with monkeypatch.context() as patch:
        patch.setattr(Restorer, 'restore', stopped)
        assert main(options) == 130
    capsys.readouterr()
    assert main([*arguments(drive, out)]) == 2
    assert 'was begun with another mask, detector' in capsys.readouterr().err
    assert main(options) == 0
    assert 'going on at 64' in capsys.readouterr().out
    for number, (frame, expected_frame) in enumerate(
        zip(images(out), detected_and_restored(drive), strict=True)
    ):
        assert np.array_equal(frame, expected_frame), f'frame {number}'


def test_parts_of_other_settings_are_not_resumed(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'restored.mkv'
    with monkeypatch.context() as patch:
        patch.setattr(VideoEncoder, 'join', lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main(arguments(drive, out)) == 130
    other = [*arguments(drive, out), '--max-reference-age', '0.1']
    assert main(other) == 2
    assert 'was begun with another reference age' in capsys.readouterr().err
    assert main([*other, '--overwrite']) == 0
    assert 'passed: reference_too_old' in capsys.readouterr().out


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
