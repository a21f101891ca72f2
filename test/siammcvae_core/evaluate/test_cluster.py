# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""On a Dask cluster of which a worker is killed the numbers are those of one process."""

from collections.abc import Iterator
import json
import os
from pathlib import Path
import signal
from typing import Any

import pytest

from siammcvae_core.evaluate.__main__ import main

distributed = pytest.importorskip('distributed', reason='Dask is not installed')

TIMES = ('ms', 'ms_observe')


class Killer(distributed.SchedulerPlugin):
    """Kills a worker that has work, once, as soon as any task is done."""

    def __init__(self, scheduler: Any, processes: dict[str, int]) -> None:
        self.scheduler, self.processes, self.killed = scheduler, processes, ''

    def transition(self, key: str, start: str, finish: str, *_: Any, **__: Any) -> None:
        """See `SchedulerPlugin`."""
        if finish == 'memory' and not self.killed:
            busy = (state.address for state in self.scheduler.workers.values() if state.processing)
            self.killed = next(busy)
            os.kill(self.processes[self.killed], signal.SIGKILL)


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Start two workers of one thread."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host='127.0.0.1', dashboard_address=None
    ) as cluster:
        cluster.wait_for_workers(2)
        yield cluster


def report(clips: Path, out: Path, *options: str) -> dict[str, Any]:
    arguments = [
        '--data', str(clips), '--out', str(out), '--methods', 'copy,visible_flow', '--masks',
        'random:0.5', '--gaps', '1', '--size', '96x64', '--seeds', '0,1', '--samples', '1',
    ]  # fmt: skip
    assert main([*arguments, *options]) == 0
    return json.loads((out / 'report.json').read_text())


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def test_numbers_are_those_of_one_process_though_a_worker_is_killed(
    cluster: Any, clips: Path, tmp_path: Path
) -> None:
    with distributed.Client(cluster, set_as_default=False) as client:
        killer = Killer(cluster.scheduler, client.run(os.getpid))
    cluster.scheduler.add_plugin(killer)
    spread = report(clips, tmp_path / 'cluster', '--cluster', cluster.scheduler_address)
    assert killer.killed
    alone = report(clips, tmp_path / 'alone', '--jobs', '1')
    assert without_times(spread['rows']) == without_times(alone['rows'])
    assert spread['calibration'] == alone['calibration']
