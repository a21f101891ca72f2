# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The whole demo over real DDS, as a user starts it, and what it says to bad input."""

import json
from pathlib import Path
import subprocess
import sys

import av
import pytest
from rosbags.rosbag2 import Reader

from siammcvae_core.data.clips import write_video
from siammcvae_core.simulation.drive import DriveSim

FRAMES = 30
LIMIT = 900  # s; a busy machine takes minutes


def demo(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-m', 'siammcvae_ros.tools.demo', *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=LIMIT)


@pytest.fixture(scope='module')
def run(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Play a small video at 10 Hz; give the output folder and its process."""
    folder = tmp_path_factory.mktemp('demo')
    video = folder / 'drive.mp4'
    with write_video(video, 10) as append:
        drive = DriveSim(size=(320, 192), frames=FRAMES)
        for index in range(FRAMES):
            append(drive.render(index))
    out = folder / 'out'
    return out, demo(video, '--out', out, '--seed', 5, cwd=root)


ON_A_BUSY_MACHINE = ('frames were lost on the way', 'were recorded', 'were taken for intact')
"""Problems that the demo reports where the machine is too slow for its rate."""


def test_every_frame_is_accounted_for_and_kept_pixels_are_exact(run: tuple) -> None:
    out, process = run
    report = json.loads((out / 'report.json').read_text())
    problems = report['problems']
    assert process.returncode == bool(problems), process.stdout + process.stderr
    for problem in problems:
        assert problem in process.stdout
        assert any(text in problem for text in ON_A_BUSY_MACHINE), problem
    assert report['frames_sent'] == FRAMES
    assert FRAMES >= report['frames_in'] == report['frames_out'] + report['frames_dropped'] > 0
    assert report['frames_out'] == report['frames_restored'] + report['frames_passed']
    assert report['frames_out'] >= report['frames_recorded'] > 0
    assert report['kept_pixels_exact'] is True
    assert report['marked_pixels_exact'] is True
    assert 0 < report['frames_damaged'] < FRAMES
    unscored = report['frames_without_reference'] + report['frames_without_output']
    assert report['frames_damaged'] == report['frames_scored'] + unscored
    assert sum(row['frames'] for row in report['faults']) == report['frames_damaged']
    assert sum(row['scored'] for row in report['faults']) == report['frames_scored']
    assert sum(report['restored_by_rung'].values()) == report['frames_restored']
    assert (report['latency_ms_p50'] is None) == (report['frames_restored'] == 0)
    for score in ('restored', 'copy', 'classical'):
        assert (report[f'psnr_lost_{score}'] is None) == (report['frames_scored'] == 0)
    for key in ('engine', 'rmw', 'ros_distro'):
        assert report[key] not in ('', 'unknown'), key


def test_bag_holds_what_the_node_published(run: tuple) -> None:
    out, _ = run
    report = json.loads((out / 'report.json').read_text())
    with Reader(out / 'restored') as bag:
        counts = {topic: info.msgcount for topic, info in bag.topics.items()}
    assert counts['/front/restored/image_raw'] == report['frames_recorded']
    assert counts.keys() == {f'/front/restored/{t}' for t in ('image_raw', 'camera_info', 'mask')}
    assert max(counts.values()) <= report['frames_out']


def test_video_plays(run: tuple) -> None:
    out, _ = run
    with av.open(str(out / 'side_by_side.mp4')) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ('h264', 'yuv420p')
        frames = [frame.to_ndarray(format='bgr24') for frame in file.decode(stream)]
    assert len(frames) == FRAMES
    height, width = frames[0].shape[:2]
    pictures = [frame[height // 2 :] for frame in frames]
    for i in range(3):  # damaged, restored, truth; a dropped frame is black
        panels = [picture[:, i * width // 3 : (i + 1) * width // 3] for picture in pictures]
        assert max(panel.std() for panel in panels) > 10


def test_page_and_output_show_numbers_and_files(run: tuple) -> None:
    out, process = run
    report = json.loads((out / 'report.json').read_text())
    page = (out / 'report.html').read_text()
    if report['frames_scored']:
        assert f'{report["psnr_lost_restored"]:.2f} dB' in page
    scored = [row['fault'] for row in report['faults'] if row['scored']]
    assert page.count('data:image/jpeg;base64,') == 2 * len(scored)
    for name in ('report.html', 'side_by_side.mp4', 'restored'):
        assert str(out / name) in process.stdout
    assert f'{report["frames_in"]} frames in' in process.stdout


def test_source_inside_the_output_folder_is_refused(run: tuple, root: Path) -> None:
    out, _ = run
    process = demo(out / 'restored', '--topic', 'front/restored/image_raw', '--out', out, cwd=root)
    assert process.returncode == 2
    assert 'which the demo replaces' in process.stderr
    assert (out / 'restored').exists(), 'the source must survive'


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['{tmp}/none.mp4'], 'no such file'),
        (['{tmp}/text.mp4'], 'cannot be opened as a video'),
        (['sim', '--out', '{tmp}'], 'holds files that no demo wrote'),
        (['sim', '--out', '{tmp}/text.mp4'], 'is not a folder'),
        (['{bag}'], 'holds no images'),
        (['sim', '--faults', 'bnad:0.2'], "unknown fault 'bnad'"),
        (['sim', '--frames', '-3'], '--frames must be'),
        (['sim', '--weights', '{tmp}/none.safetensors'], 'none.safetensors'),
    ],
)
def test_mistakes_are_one_line_before_anything_runs(
    arguments: list[str], expected: str, tmp_path: Path, root: Path
) -> None:
    (tmp_path / 'text.mp4').write_text('not a video')
    bag = tmp_path / 'bag'
    if '{bag}' in arguments:
        from rosbags.rosbag2 import StoragePlugin, Writer

        with Writer(bag, version=8, storage_plugin=StoragePlugin.MCAP):
            pass
    filled = [argument.format(tmp=tmp_path, bag=bag) for argument in arguments]
    out = [] if '--out' in filled else ['--out', tmp_path / 'out']
    process = demo(*filled, *out, cwd=root)
    assert process.returncode == 2
    assert expected in process.stderr
    assert process.stderr.count('\n') == 1
    assert process.stdout == ''
    assert not (tmp_path / 'out').exists()
