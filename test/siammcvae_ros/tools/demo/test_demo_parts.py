# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parts of the demo around the play: account, result, folder, environment, child processes."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
import socket
import time

import numpy as np
import pytest

from siammcvae_core.errors import InputError
from siammcvae_ros.bridge.diagnostics import camera_status, CameraState
from siammcvae_ros.frame_path.counters import FrameCounters, Snapshot
from siammcvae_ros.frame_path.mask_matching import MaskCounts
from siammcvae_ros.tools import dds_domain as environment
from siammcvae_ros.tools import processes
from siammcvae_ros.tools.demo.account import Account, methods
from siammcvae_ros.tools.demo.folder import Folder
from siammcvae_ros.tools.demo.result import headline, problems, summarise
from siammcvae_ros.tools.demo.score import Verdict
from siammcvae_ros.tools.processes import Child, ProcessError

LATENCY = dict.fromkeys(
    ('restored_ms_p50', 'restored_ms_p99', 'passed_ms_p50', 'passed_ms_p99'), 1.0
)
CLOSED = Account(received=3, restored={'warp': 1}, passed={'intact': 2}, latency_ms=LATENCY)
INTACT = Verdict(0, None, 0.0, 'passed', '', True, True, 'intact')
SCORES = {'restored': 30.0, 'copy': 25.0, 'classical': 28.0}
DAMAGED = Verdict(1, 'full', 1.0, 'restored', 'warp', True, True, '', SCORES)
VERDICTS = [INTACT, DAMAGED, replace(INTACT, index=2)]


def test_account_is_read_from_the_nodes_own_words() -> None:
    counters = FrameCounters(9, Counter(warp=2, copy=1), Counter(intact=4), Counter(overtaken=1))
    snapshot = Snapshot(
        'front', counters, MaskCounts(), True, 0, None, None, None, 0.0, 'oops', (0.002,), ()
    )
    status = camera_status('restore', CameraState(b'\0', 'ok', ''), snapshot)
    account = Account.read({pair.key: pair.value for pair in status.values})
    assert (account.received, account.frames_restored, account.frames_passed) == (9, 3, 4)
    assert (account.frames_out, account.frames_dropped, account.in_flight) == (7, 1, 1)
    assert account.restored == {'warp': 2, 'copy': 1}
    assert account.dropped == {'overtaken': 1}
    assert account.latency_ms['passed_ms_p50'] == 2.0
    assert np.isnan(account.latency_ms['restored_ms_p50'])
    assert account.last_error == 'oops'
    assert not account.is_settled


def test_rungs_follow_the_order_of_accounts() -> None:
    history = [
        Account(restored={'copy': 1}),
        Account(restored={'copy': 1}),
        Account(restored={'copy': 1, 'warp': 2}),
        Account(restored={'copy': 2, 'warp': 3}),
    ]
    assert methods(history) == ['copy', 'warp', 'warp', 'copy or warp', 'copy or warp']


def test_summary_adds_up() -> None:
    report = summarise(VERDICTS, CLOSED, 3)
    assert report['frames_out'] + report['frames_dropped'] == report['frames_in'] == 3
    assert (report['frames_sent'], report['frames_damaged'], report['frames_scored']) == (3, 1, 1)
    assert report['kept_pixels_exact'] is True
    assert report['psnr_lost_gain_over_copy'] == 5.0
    assert problems(report, CLOSED, False) == []


@pytest.mark.parametrize(
    ('change', 'verdicts', 'recorded', 'told'),
    [
        ({'received': 2, 'passed': {'intact': 1}}, VERDICTS, 2, 'frames were lost on the way'),
        ({'in_flight': 1, 'passed': {'intact': 1}}, VERDICTS, 2, 'does not close'),
        ({}, VERDICTS, 2, '2 were recorded'),
        ({'passed': {'intact': 3}, 'restored': {}}, VERDICTS, 3, '1 damaged frames were taken'),
        ({}, [replace(INTACT, kept_exact=False), *VERDICTS[1:]], 3, 'kept pixels differ'),
        ({}, [replace(INTACT, marked_exact=False), *VERDICTS[1:]], 3, 'does not mark exactly'),
    ],
)
def test_every_way_to_fail_is_told(
    change: dict, verdicts: list[Verdict], recorded: int, told: str
) -> None:
    account = replace(CLOSED, **change)
    found = problems(summarise(verdicts, account, recorded), account, False)
    assert len(found) == 1
    assert told in found[0]


def test_nothing_recorded_is_not_exact() -> None:
    account = replace(CLOSED, restored={}, passed={}, dropped={'deactivated': 3})
    gone = [replace(v, kept_exact=None, marked_exact=None, outcome='dropped') for v in VERDICTS]
    assert summarise(gone, account, 0)['kept_pixels_exact'] is False


def test_folder_is_emptied_of_an_earlier_demo_only(tmp_path: Path) -> None:
    folder = Folder(tmp_path / 'out' / 'demo')
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


def test_folder_of_somebody_else_is_refused_untouched(tmp_path: Path) -> None:
    foreign = tmp_path / 'report.html'
    foreign.write_text('mine')
    with pytest.raises(InputError, match='holds files that no demo wrote'):
        Folder(tmp_path).prepare()
    assert foreign.read_text() == 'mine'
    with pytest.raises(InputError, match='is not a folder'):
        Folder(foreign).prepare()
    with pytest.raises(InputError, match='cannot write to'):
        Folder(foreign / 'below').prepare()


def test_taken_domain_is_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = environment.free_domain()
    monkeypatch.setattr(environment.random, 'sample', lambda *_: [domain, 0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
        participant.bind(('', 7400 + 250 * domain + 10))
        assert environment.free_domain() != domain
    assert environment.free_domain() == domain


def isolated(monkeypatch: pytest.MonkeyPatch, folder: Path, free: int) -> dict[str, str]:
    """Let `isolate` set an environment of its own, with so much shared memory."""
    variables: dict[str, str] = {'ROS_LOCALHOST_ONLY': '0', 'ROS_DOMAIN_ID': '0'}
    usage = type('Usage', (), {'free': free})
    monkeypatch.setattr(environment.shutil, 'disk_usage', lambda _: usage)
    monkeypatch.setattr(environment, 'SHARED_MEMORY', folder)
    monkeypatch.setattr(environment.os, 'environ', variables)
    environment.isolate(folder)
    return variables


def test_demo_keeps_to_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    variables = isolated(monkeypatch, tmp_path, 10**10)
    assert variables['ROS_DOMAIN_ID'] != '0'
    assert variables['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert 'ROS_LOCALHOST_ONLY' not in variables
    for name in environment.PROFILE_VARIABLES:
        assert Path(variables[name]) == environment.shipped_profile()


def test_profile_is_made_to_fit_scarce_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    variables = isolated(monkeypatch, tmp_path, 64 * 2**20)
    profile = Path(variables[environment.PROFILE_VARIABLES[0]])
    assert profile.parent == tmp_path
    assert f'<segment_size>{16 * 2**20}</segment_size>' in profile.read_text()


def test_child_that_fails_is_told_with_its_last_lines(tmp_path: Path) -> None:
    with Child('timeit', ['-n', 'many'], tmp_path / 'child.log') as child:
        child._process.wait(20)
        said = r'(?s)timeit ended with status \d+.*many.*child\.log'
        with pytest.raises(ProcessError, match=said):
            child.has_finished()


def test_deaf_child_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, 'GRACE', 0.3)
    deaf = 'import signal,time;signal.signal(signal.SIGINT,signal.SIG_IGN);print(1);time.sleep(99)'
    log = tmp_path / 'child.log'
    child = Child('timeit', ['-n', '1', '-r', '1', deaf], log)
    deadline = time.monotonic() + 20
    while '1' not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.end()
    with pytest.raises(ProcessError, match='status -9'):
        child.has_finished()


def test_undamaged_drive_has_a_headline_too() -> None:
    unknown = dict.fromkeys(LATENCY, float('nan'))
    account = replace(CLOSED, restored={}, passed={'intact': 3}, latency_ms=unknown)
    report = summarise([replace(INTACT, index=i) for i in range(3)], account, 3)
    assert 'nan' not in headline(report)
    assert '0 damaged; kept pixels exact; lost pixels – restored' in headline(report)
