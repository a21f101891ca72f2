# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One run: load methods, check what they restore, measure ceilings, time, write rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
import os
from pathlib import Path
import platform
import sys
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from siammcvae_core.benchmark import ceilings
from siammcvae_core.benchmark.cases import Cell
from siammcvae_core.benchmark.ceilings import Ceilings
from siammcvae_core.benchmark.methods import ENCODE, load_methods, LoadMethod, TimedMethod
from siammcvae_core.benchmark.timing import time_all, Timed
from siammcvae_core.engines.stage_timer import StageTimer
from siammcvae_core.errors import InputError
from siammcvae_core.metrics import psnr

if TYPE_CHECKING:  # imports torch
    from siammcvae_core.benchmark.work import Workload

Row = dict[str, Any]


@dataclass(frozen=True)
class BenchmarkPlan:
    """What is timed, see `load_methods`, on which cells, how often and on how many threads."""

    classical: Sequence[str]
    networks: dict[str, LoadMethod]
    weights: Sequence[Path]
    cells: Sequence[Cell]
    cameras: Sequence[int]
    repeats: int
    threads: int


def run(plan: BenchmarkPlan) -> dict[str, Any]:
    """Run a plan: `rows`, `projection`, `ceilings` and `machine`; raises InputError."""
    machine = describe(plan.threads)
    _use_threads(plan)
    before = ceilings.measure(plan.threads, bool(plan.networks))
    methods, checks = _load_and_check(plan)
    works = _count(plan)
    timed = time_all(methods, plan.cells, plan.cameras, plan.repeats)
    limits = before.best(ceilings.measure(plan.threads, bool(plan.networks)))
    machine['load_after'] = os.getloadavg()[0]
    return {
        'rows': [
            _row(one, limits, checks[one.method.name, index], work[index] if work else None)
            for one in timed
            for index in [plan.cells.index(one.cell)]
            for work in [works.get(one.method.weights)]
        ],
        'projection': _project(plan.cells, next(iter(works.values()), [])),
        'ceilings': {'copy_gbs': limits.copy_gbs, 'gflops': limits.gflops},
        'machine': machine,
    }


def describe(threads: int) -> Row:
    """Describe this machine, and its load."""
    return {
        'cpu': _cpu(),
        'cores': os.cpu_count(),
        'threads': threads,
        'system': platform.platform(),
        'python': platform.python_version(),
        'opencv': cv2.__version__,
        'when': datetime.now(timezone.utc).isoformat(timespec='minutes'),
        'load_before': os.getloadavg()[0],
    }


def _cpu() -> str:
    info = Path('/proc/cpuinfo')
    for line in info.read_text().splitlines() if info.is_file() else ():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.processor() or platform.machine()


def _use_threads(plan: BenchmarkPlan) -> None:
    cv2.setNumThreads(plan.threads)
    if plan.networks:
        import torch

        torch.set_num_threads(plan.threads)


def _load_and_check(plan: BenchmarkPlan) -> tuple[list[TimedMethod], dict[tuple[str, int], Row]]:
    """Load every method and restore every case once: memory, quality, agreement with the first.

    Returns the methods, those of the drive model first, and the results by name and index of the
    cell. One method is loaded and checked before the next, so that memory is its own.
    """
    methods: list[TimedMethod] = []
    checks: dict[tuple[str, int], Row] = {}
    # Of a weights file and a cell, by the first library:
    expected: dict[tuple[Path | None, int], list[np.ndarray]] = {}
    for method in load_methods(plan.classical, plan.networks, plan.weights):
        try:
            for index, cell in enumerate(plan.cells):
                frames = [method.restore(case, StageTimer()) for case in cell.cases]
                row: Row = {'peak_mb': method.memory.gained()}
                pairs = list(zip(frames, cell.cases, strict=True))
                row['psnr_lost'] = float(
                    np.mean([psnr(frame, case.truth, case.mask) for frame, case in pairs])
                )
                if method.profile:
                    row |= _difference(
                        frames, expected.setdefault((method.weights, index), frames), cell
                    )
                checks[method.name, index] = row
        except InputError:
            raise
        except Exception as error:
            print(f'{method.name} left out: {type(error).__name__}: {error}', file=sys.stderr)
            continue
        methods.append(method)
    if not methods:
        raise InputError('nothing is left to be timed')
    return sorted(methods, key=lambda method: not method.profile), checks


def _difference(frames: list[np.ndarray], expected: list[np.ndarray], cell: Cell) -> Row:
    """How far lost pixels are off the first library's: grey levels, mean and 99.9th percentile."""
    from siammcvae_core.engines.autotune import MEAN_BOUND, TOP_BOUND

    off = np.concatenate([
        cv2.absdiff(frame, first)[case.mask]
        for frame, first, case in zip(frames, expected, cell.cases, strict=True)
    ])  # fmt: skip
    mean, top = float(off.mean()), float(np.quantile(off, 0.999))
    return {'off_mean': mean, 'off_top': top, 'agrees': mean <= MEAN_BOUND and top <= TOP_BOUND}


def _count(plan: BenchmarkPlan) -> 'dict[Path | None, list[Workload]]':
    """Count the work of each drive model in each cell; nothing where only others are timed."""
    if not plan.networks:
        return {}
    from siammcvae_core.benchmark.work import mean, WorkCounter

    works: dict[Path | None, list[Workload]] = {}
    for path in plan.weights:
        counter = WorkCounter(path)
        works[path] = [mean([counter.count(case) for case in cell.cases]) for cell in plan.cells]
    return works


def _row(timed: Timed, limits: Ceilings, check: Row, work: 'Workload | None') -> Row:
    method, cell = timed.method, timed.cell
    stages = timed.stages()
    row: Row = {
        'method': method.name, 'engine': method.engine, 'dtype': method.dtype,
        'profile': method.profile, 'size': cell.name, 'mask': cell.mask.partition(':')[0],
        'ratio': cell.ratio, 'cameras': timed.cameras, 'rounds': len(timed.rounds),
        'p50_ms': timed.milliseconds(0.5), 'p99_ms': timed.milliseconds(0.99), **check,
        'stages_ms': stages,
    }  # fmt: skip
    if work is None or not method.profile:
        return row
    size = work.network_bytes(method.dtype)
    floor = limits.floor_ms(work.restore_flop, size, method.dtype) * timed.cameras
    return row | {
        f'{ENCODE}_ms': stages[ENCODE], 'network_ms': stages['network'],
        f'{ENCODE}_gflop': work.encode_flop / 1e9, 'gflop': work.restore_flop / 1e9,
        'network_mb': size / 1e6, 'mb': work.bytes(method.dtype) / 1e6,
        'floor_ms': floor, 'over_floor': stages['network'] / floor,
    }  # fmt: skip


def _project(cells: Sequence[Cell], works: 'list[Workload]') -> list[Row]:
    if not works:
        return []
    from siammcvae_core.benchmark.projection import BOARDS, project

    return [
        {'board': board.name, 'size': cell.name, 'mask': cell.mask, **project(board, work)}
        for board in BOARDS
        for cell, work in zip(cells, works, strict=True)
    ]
