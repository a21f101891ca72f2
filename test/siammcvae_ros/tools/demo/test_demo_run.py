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


def demo(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-m', 'siammcvae_ros.tools.demo', *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope='module')
def run(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Play a small video at 10 Hz; give the output folder and what the demo said."""
    folder = tmp_path_factory.mktemp('demo')
    video = folder / 'drive.mp4'
    with write_video(video, 10) as append:
        drive = DriveSim(size=(320, 192), frames=FRAMES)
        for index in range(FRAMES):
            append(drive.render(index))
    out = folder / 'out'
    return out, demo(video, '--out', out, '--seed', 5, cwd=root)


def test_every_frame_is_accounted_for_and_kept_pixels_are_exact(run: tuple) -> None:
    out, process = run
    assert process.returncode == 0, process.stdout + process.stderr
    report = json.loads((out / 'report.json').read_text())
    assert report['problems'] == []
    assert report['frames_sent'] == report['frames_in'] == FRAMES
    assert report['frames_out'] + report['frames_dropped'] == FRAMES
    assert report['frames_restored'] + report['frames_passed'] == report['frames_out']
    assert report['kept_pixels_exact'] is True
    assert report['marked_pixels_exact'] is True
    assert 0 < report['frames_damaged'] < FRAMES
    assert sum(row['frames'] for row in report['faults']) == report['frames_damaged']
    assert report['psnr_lost_restored'] > report['psnr_lost_copy']
    assert 0 < report['latency_ms_p50'] <= report['latency_ms_p99']
    for key in ('psnr_lost_classical', 'engine', 'rmw', 'ros_distro'):
        assert report[key], key
    assert report['ros_distro'] != 'unknown'


def test_bag_holds_what_the_node_published(run: tuple) -> None:
    out, _ = run
    report = json.loads((out / 'report.json').read_text())
    with Reader(out / 'restored') as bag:
        counts = {topic: info.msgcount for topic, info in bag.topics.items()}
    assert counts == dict.fromkeys(
        (f'/front/restored/{name}' for name in ('image_raw', 'camera_info', 'mask')),
        report['frames_out'],
    )


def test_video_plays(run: tuple) -> None:
    out, _ = run
    with av.open(str(out / 'side_by_side.mp4')) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ('h264', 'yuv420p')
        frames = [frame.to_ndarray(format='bgr24') for frame in file.decode(stream)]
    assert len(frames) == FRAMES
    height, width = frames[0].shape[:2]
    picture = frames[0][height // 2 :]
    thirds = [picture[:, i * width // 3 : (i + 1) * width // 3] for i in range(3)]
    assert all(third.std() > 10 for third in thirds)


def test_report_tells_numbers_and_where_to_look(run: tuple) -> None:
    out, process = run
    report = json.loads((out / 'report.json').read_text())
    page = (out / 'report.html').read_text()
    assert f'{report["psnr_lost_restored"]:.2f} dB' in page
    assert page.count('data:image/jpeg;base64,') == 2 * len(report['faults'])
    for name in ('report.html', 'side_by_side.mp4', 'restored'):
        assert str(out / name) in process.stdout
    assert f'{FRAMES} frames in' in process.stdout


def test_demo_does_not_eat_its_own_source(run: tuple, root: Path) -> None:
    out, _ = run
    process = demo(out / 'restored', '--topic', 'front/restored/image_raw', '--out', out, cwd=root)
    assert process.returncode == 2
    assert 'which the demo replaces' in process.stderr
    assert (out / 'restored').exists(), 'the source must survive'


@pytest.mark.parametrize(
    ('arguments', 'told'),
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
def test_mistakes_are_told_in_one_line_before_anything_runs(
    arguments: list[str], told: str, tmp_path: Path, root: Path
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
    assert told in process.stderr
    assert process.stderr.count('\n') == 1
    assert process.stdout == ''
    assert not (tmp_path / 'out').exists()
