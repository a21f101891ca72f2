# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restore command on videos after a kill: it resumes, and gives the same frames."""

from pathlib import Path
import signal
import subprocess
import sys

import numpy as np
import pytest
from support.recorded_drive import (
    arguments,
    detected_and_restored,
    expected,
    FRAMES,
    images,
    MOTION,
)

from siammcvae_core.data.sources import open_source
from siammcvae_core.restore.__main__ import main
from siammcvae_core.restore.recordings.videos import VideoEncoder
from siammcvae_core.restore.restorer import Restorer


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
    assert 'resumed at 64' in printed
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
    assert 'resumed at 64' in capsys.readouterr().out
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


@pytest.mark.parametrize('at', [6.6, 10.0, 13.1])
def test_resumed_from_both_sides_the_frames_are_the_same(
    at: float, drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore = Restorer.restore

    def stopped(self: Restorer, frame: np.ndarray, mask: np.ndarray, stamp: float) -> object:
        if stamp > at:
            raise KeyboardInterrupt
        return restore(self, frame, mask, stamp)

    whole, resumed = ([*arguments(drive, tmp_path / name)] for name in ('a.mkv', 'b.mkv'))
    for command in (whole, resumed):
        command.remove('--causal')
    assert main(whole) == 0
    with monkeypatch.context() as patch:
        patch.setattr(Restorer, 'restore', stopped)
        assert main(resumed) == 130
    assert main(resumed) == 0
    frames = zip(images(tmp_path / 'a.mkv'), images(tmp_path / 'b.mkv'), strict=True)
    for number, (expected_frame, frame) in enumerate(frames):
        assert np.array_equal(frame, expected_frame), f'frame {number}'
