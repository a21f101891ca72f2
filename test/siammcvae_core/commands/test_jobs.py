# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Work in several processes: results in order, errors and deaths named."""

import math
import os
import sys

import numpy as np
import pytest

from siammcvae_core.commands.jobs import run_jobs, run_usable, WorkerError
from siammcvae_core.data.sources import open_source
from siammcvae_core.errors import FrameError, InputError, SourceError
from siammcvae_core.frames import check_frame

NUMBERS = [9.0, 1.0, 16.0, 4.0, 25.0]
CLIPS = ['a', 'b', 'c', 'd', 'e']


@pytest.mark.parametrize('jobs', [1, 2, 9])
def test_results_are_in_the_order_of_the_tasks(jobs: int) -> None:
    assert run_jobs(math.sqrt, NUMBERS, CLIPS, jobs) == [3, 1, 4, 2, 5]


@pytest.mark.parametrize('jobs', [1, 2])
def test_an_error_of_the_work_is_raised(jobs: int) -> None:
    with pytest.raises(ValueError, match='math domain'):
        run_jobs(math.sqrt, [*NUMBERS[:4], -1.0], CLIPS, jobs)


def test_the_clip_of_a_dead_process_is_named() -> None:
    with pytest.raises(WorkerError, match='a process died at day; out of memory'):
        run_jobs(os._exit, [9, 9], ['day', 'day'], 2)


@pytest.mark.parametrize('jobs', [1, 2])
def test_what_cannot_be_read_is_left_out(jobs: int, capsys: pytest.CaptureFixture[str]) -> None:
    read = run_usable(open_source, ['sim', 'nowhere'], ['day', 'night'], jobs)
    assert [source.name for source in read] == [open_source('sim').name]
    assert capsys.readouterr().err.startswith('left out: night: no such file')
    with pytest.raises(InputError, match='none of 2 clips can be used'):
        run_usable(open_source, ['nowhere', 'no'], ['nowhere', 'no'], jobs)
    with pytest.raises(SourceError):
        run_jobs(open_source, ['nowhere', 'no'], ['nowhere', 'no'], jobs)


@pytest.mark.parametrize('jobs', [1, 2])
def test_frame_errors_pass_from_process_to_process(jobs: int) -> None:
    images = [np.zeros((4, 4), np.uint8), np.zeros(4, np.uint8)]
    with pytest.raises(FrameError) as raised:
        run_jobs(check_frame, images, ['a', 'b'], jobs)
    assert raised.value.reason == 'unsupported_shape'


def test_jobs_below_zero_are_refused() -> None:
    with pytest.raises(InputError, match='--jobs must be 0'):
        run_jobs(math.sqrt, NUMBERS, CLIPS, -1)


def test_a_cluster_without_dask_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'distributed', None)
    with pytest.raises(InputError, match=r"pip install 'dask\[distributed\]'"):
        run_jobs(math.sqrt, NUMBERS, CLIPS, cluster='tcp://127.0.0.1:9')


def test_a_cluster_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('distributed', reason='Dask is not installed')
    monkeypatch.setattr('siammcvae_core.commands.jobs.CONNECT_SECONDS', 0.5)
    with pytest.raises(InputError, match=r'127\.0\.0\.1:9: no Dask scheduler answers'):
        run_jobs(math.sqrt, NUMBERS, CLIPS, cluster='tcp://127.0.0.1:9')
