# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parts of the demo: diagnostics, summary, output folder, DDS domain, child processes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
import re
import socket

import numpy as np
import pytest

from siammcvae_core.errors import InputError
from siammcvae_ros.bridge.camera_state import CameraState
from siammcvae_ros.bridge.diagnostics import camera_status
from siammcvae_ros.frame_path.counters import FrameCounters, Snapshot
from siammcvae_ros.frame_path.mask_matching import MaskCounts
from siammcvae_ros.tools import dds_domain, processes
from siammcvae_ros.tools.demo.diagnostics import CameraDiagnostics, restoring_methods
from siammcvae_ros.tools.demo.folder import OutputFolder
from siammcvae_ros.tools.demo.score import FrameScore
from siammcvae_ros.tools.demo.summary import headline, list_problems, slowness_advice, summarise
from siammcvae_ros.tools.processes import Child, ProcessError

LATENCY = dict.fromkeys(
    ('restored_ms_p50', 'restored_ms_p99', 'passed_ms_p50', 'passed_ms_p99'), 1.0
)
SETTLED = CameraDiagnostics(
    received=3, restored={'warp': 1}, passed={'intact': 2}, latency_ms=LATENCY
)
INTACT = FrameScore(0, None, 0.0, 'passed', '', True, True, 'intact')
PSNR = {'restored': 30.0, 'copy': 25.0, 'classical': 28.0}
DAMAGED = FrameScore(1, 'full', 1.0, 'restored', 'warp', True, True, '', PSNR)
SCORES = [INTACT, DAMAGED, replace(INTACT, index=2)]


def test_diagnostics_are_read_as_the_node_writes_them() -> None:
    counters = FrameCounters(9, Counter(warp=2, copy=1), Counter(intact=4), Counter(overtaken=1))
    snapshot = Snapshot(
        'front',
        counters,
        MaskCounts(),
        True,
        Counter(),
        None,
        None,
        None,
        0.0,
        'oops',
        (0.002,),
        (),
    )
    status = camera_status('restore', CameraState(b'\0', 'ok', ''), snapshot)
    diagnostics = CameraDiagnostics.read({pair.key: pair.value for pair in status.values})
    assert (diagnostics.received, diagnostics.in_flight) == (9, 1)
    assert (diagnostics.frames_restored, diagnostics.frames_passed) == (3, 4)
    assert (diagnostics.frames_out, diagnostics.frames_dropped) == (7, 1)
    assert diagnostics.restored == {'warp': 2, 'copy': 1}
    assert diagnostics.dropped == {'overtaken': 1}
    assert diagnostics.latency_ms['passed_ms_p50'] == 2.0
    assert np.isnan(diagnostics.latency_ms['restored_ms_p50'])
    assert diagnostics.last_error == 'oops'
    assert not diagnostics.is_settled


def test_methods_follow_the_order_of_diagnostics() -> None:
    history = [
        CameraDiagnostics(restored={'copy': 1}),
        CameraDiagnostics(restored={'copy': 1}),
        CameraDiagnostics(restored={'copy': 1, 'warp': 2}),
        CameraDiagnostics(restored={'copy': 2, 'warp': 3}),
    ]
    assert restoring_methods(history) == ['copy', 'warp', 'warp', 'copy or warp', 'copy or warp']


def test_summary_adds_up() -> None:
    report = summarise(SCORES, SETTLED, 3)
    assert report['frames_out'] + report['frames_dropped'] == report['frames_in'] == 3
    assert (report['frames_sent'], report['frames_damaged'], report['frames_scored']) == (3, 1, 1)
    assert report['kept_pixels_exact'] is True
    assert report['psnr_lost_gain_over_copy'] == 5.0
    assert list_problems(report, SETTLED, False) == []


@pytest.mark.parametrize(
    ('change', 'scores', 'recorded', 'expected'),
    [
        ({'received': 2, 'passed': {'intact': 1}}, SCORES, 2, 'frames were lost on the way'),
        ({'in_flight': 1, 'passed': {'intact': 1}}, SCORES, 2, 'do not add up'),
        ({}, SCORES, 2, '2 were recorded'),
        ({'passed': {'intact': 3}, 'restored': {}}, SCORES, 3, '1 damaged frames were taken'),
        ({}, [replace(INTACT, kept_exact=False), *SCORES[1:]], 3, 'kept pixels differ'),
        ({}, [replace(INTACT, marked_exact=False), *SCORES[1:]], 3, 'does not mark exactly'),
    ],
)
def test_every_problem_is_listed(
    change: dict, scores: list[FrameScore], recorded: int, expected: str
) -> None:
    diagnostics = replace(SETTLED, **change)
    found = list_problems(summarise(scores, diagnostics, recorded), diagnostics, False)
    assert len(found) == 1
    assert expected in found[0]


def test_nothing_recorded_is_not_exact() -> None:
    diagnostics = replace(SETTLED, restored={}, passed={}, dropped={'deactivated': 3})
    gone = [replace(v, kept_exact=None, marked_exact=None, outcome='dropped') for v in SCORES]
    assert summarise(gone, diagnostics, 0)['kept_pixels_exact'] is False


def test_folder_is_emptied_of_an_earlier_demo_only(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / 'out' / 'demo')
    folder.prepare()
    folder.bag.mkdir()
    (folder.bag / 'restored.mcap').touch()
    folder.page.touch()
    notes = folder.path / 'notes.txt'
    notes.touch()
    folder.prepare()
    assert not folder.bag.exists()
    assert not folder.page.exists()
    assert notes.exists()


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    first, second = OutputFolder(tmp_path / 'demo'), OutputFolder(tmp_path / 'demo')
    first.prepare()
    with pytest.raises(InputError, match='another demo runs in'):
        second.prepare()
    del first  # ends
    second.prepare()


@pytest.mark.parametrize(
    ('counts', 'latency', 'said'),
    [
        ({'passed': {'superseded': 3}}, 200.0, '3 frames .* HZ=4 '),
        ({'dropped': {'overtaken': 1, 'superseded': 1}}, 50.0, '2 frames .* HZ=5 '),
        ({'dropped': {'overtaken': 1}}, float('nan'), '1 frames .* HZ=5 '),
        ({'passed': {'intact': 9}, 'dropped': {'malformed_image': 1}}, 900.0, '^$'),
    ],
)
def test_a_machine_that_is_too_slow_is_told_a_rate(
    counts: dict[str, dict[str, int]], latency: float, said: str
) -> None:
    diagnostics = CameraDiagnostics(**counts, latency_ms={'restored_ms_p99': latency})
    assert re.search(said, slowness_advice(diagnostics, 10.0))


def test_folder_with_other_files_is_refused_untouched(tmp_path: Path) -> None:
    foreign = tmp_path / 'report.html'
    foreign.write_text('mine')
    with pytest.raises(InputError, match='holds files that no demo wrote'):
        OutputFolder(tmp_path).prepare()
    assert foreign.read_text() == 'mine'
    with pytest.raises(InputError, match='is not a folder'):
        OutputFolder(foreign).prepare()
    with pytest.raises(InputError, match='cannot write to'):
        OutputFolder(foreign / 'below').prepare()


@pytest.mark.parametrize('port', [10, 11, 16])  # of the first participant, and of the fourth
def test_taken_domain_is_avoided(
    port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dds_domain, 'temporary_folder', lambda: tmp_path)
    domain, lock = dds_domain.reserve_domain()
    monkeypatch.setattr(dds_domain.random, 'sample', lambda *_: [domain, 102, 103])
    assert dds_domain.free_domain() == 102
    lock.release()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
        participant.bind(('', 7400 + 250 * domain + port))
        assert dds_domain.free_domain() == 103
        with pytest.raises(ProcessError, match='DDS domains is in use'):
            dds_domain.free_domain()
    assert dds_domain.free_domain() == domain


def isolated(monkeypatch: pytest.MonkeyPatch, folder: Path, free: int) -> dict[str, str]:
    """Let `isolate` set an environment of its own, with so much shared memory."""
    variables: dict[str, str] = {'ROS_LOCALHOST_ONLY': '0', 'ROS_DOMAIN_ID': '0'}
    usage = type('Usage', (), {'free': free})
    monkeypatch.setattr(dds_domain.shutil, 'disk_usage', lambda _: usage)
    monkeypatch.setattr(dds_domain, 'SHARED_MEMORY', folder)
    monkeypatch.setattr(dds_domain.os, 'environ', variables)
    dds_domain.isolate(folder)
    return variables


def test_demo_has_a_domain_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    variables = isolated(monkeypatch, tmp_path, 10**10)
    assert variables['ROS_DOMAIN_ID'] != '0'
    assert variables['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert 'ROS_LOCALHOST_ONLY' not in variables
    for name in dds_domain.PROFILE_VARIABLES:
        assert Path(variables[name]) == dds_domain.shipped_profile()


def test_profile_is_made_to_fit_scarce_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    variables = isolated(monkeypatch, tmp_path, 64 * 2**20)
    profile = Path(variables[dds_domain.PROFILE_VARIABLES[0]])
    assert profile.parent == tmp_path
    assert f'<segment_size>{16 * 2**20}</segment_size>' in profile.read_text()


def test_failed_child_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    with Child('timeit', ['-n', 'many'], tmp_path / 'child.log') as child:
        child._process.wait(120)
        expected = r'(?s)timeit ended with status \d+.*many.*child\.log'
        with pytest.raises(ProcessError, match=expected):
            child.has_finished()


def test_child_that_ignores_sigint_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wait_until: Callable[..., object]
) -> None:
    monkeypatch.setattr(processes, 'GRACE', 0.3)
    code = 'import signal,time;signal.signal(signal.SIGINT,signal.SIG_IGN);print(1);time.sleep(99)'
    log = tmp_path / 'child.log'
    child = Child('timeit', ['-n', '1', '-r', '1', code], log)
    wait_until(lambda: '1' in log.read_text(), 'the child to start')
    child.end()
    with pytest.raises(ProcessError, match='status -9'):
        child.has_finished()


def test_undamaged_drive_has_a_headline_too() -> None:
    unknown = dict.fromkeys(LATENCY, float('nan'))
    diagnostics = replace(SETTLED, restored={}, passed={'intact': 3}, latency_ms=unknown)
    report = summarise([replace(INTACT, index=i) for i in range(3)], diagnostics, 3)
    assert 'nan' not in headline(report)
    first, kept, lost, latency = headline(report).splitlines()
    assert first == '3 frames in = 3 out + 0 dropped, 0 damaged on the way'
    assert (kept, latency) == ('kept pixels exact', 'latency – (p99 –)')
    assert lost == 'lost pixels – restored, – copied'
