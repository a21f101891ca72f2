# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Work clip by clip, in processes of this machine or on a Dask cluster, with a progress bar.

What comes out does not depend on how many processes there are, nor on which is done first.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed, CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
import multiprocessing
import os
import signal
import sys
import threading
from typing import Any, NoReturn, TypeVar

import cv2
from tqdm import tqdm

from siammcvae_core.errors import InputError, SourceError

T = TypeVar('T')
R = TypeVar('R')

CONNECT_SECONDS = 30
_one_at_a_time = threading.Lock()  # workers of Dask may have several threads
_at_work: Any = None  # in a process of the pool: by task the process that is at work on it, or 0


class WorkerError(RuntimeError):
    """A process that was at work is gone: killed, or out of memory."""


def add_job_options(parser: ArgumentParser) -> None:
    """Add --jobs and --cluster."""
    parser.add_argument(
        '--jobs',
        type=int,
        default=0,
        metavar='N',
        help='processes; the numbers do not depend on it (default: one per core)',
    )
    parser.add_argument(
        '--cluster',
        default='',
        metavar='ADDRESS',
        help='work on the Dask cluster with this scheduler instead, such as tcp://10.0.0.1:8786; '
        'its workers need this package, and the files under the same paths (write absolute ones)',
    )


def run_jobs(
    work: Callable[[T], R],
    tasks: Sequence[T],
    clips: Sequence[str],
    jobs: int = 0,
    cluster: str = '',
    title: str = 'clips',
) -> list[R]:
    """Call `work`, a function of a module, with each task; results in the order of the tasks.

    clips: names of the clips that the tasks are about. jobs: processes, 0 for one per core; with 1
    the work is done in this one. cluster: address of a Dask scheduler to do it on, or ''.

    Raises what `work` raises, InputError for options that cannot be used, and WorkerError if a
    process dies; a Dask cluster tries the clip of a dead worker again first.
    """
    if jobs < 0:
        raise InputError(f'--jobs must be 0 (one per core) or more, got {jobs}')
    jobs = min(jobs or len(os.sched_getaffinity(0)), len(tasks))
    calls = [partial(_do, work, task, number) for number, task in enumerate(tasks)]
    with tqdm(total=len(tasks), desc=title, unit='clip', disable=None) as bar:
        if cluster:
            return _on_cluster(calls, cluster, clips, bar)
        if jobs > 1:
            return _in_processes(calls, jobs, clips, bar)
        results = []
        for call in calls:
            results.append(call())
            bar.update()
        return results


def run_usable(
    work: Callable[[T], R],
    tasks: Sequence[T],
    clips: Sequence[str],
    jobs: int = 0,
    cluster: str = '',
    title: str = 'clips',
) -> list[R]:
    """Do as `run_jobs`, and leave out, with a line on stderr, what raises a SourceError.

    Raises InputError if that leaves nothing.
    """
    outcomes = run_jobs(partial(_result_or_error, work), tasks, clips, jobs, cluster, title)
    for clip, outcome in zip(clips, outcomes, strict=True):
        if isinstance(outcome, SourceError):
            print(f'left out: {clip}: {outcome}', file=sys.stderr)
    results = [outcome for outcome in outcomes if not isinstance(outcome, SourceError)]
    if not results:
        raise InputError(f'none of {len(tasks)} clips can be used')
    return results


def _result_or_error(work: Callable[[T], R], task: T) -> R | SourceError:
    try:
        return work(task)
    except SourceError as error:
        return error


def _do(work: Callable[[T], R], task: T, number: int) -> R:
    """Do one task with one thread of OpenCV: its optical flow depends on how many there are."""
    with _one_at_a_time:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        if _at_work is not None:
            _at_work[number] = os.getpid()
        try:
            return work(task)
        finally:
            cv2.setNumThreads(threads)
            if _at_work is not None:
                _at_work[number] = 0


def _in_processes(
    calls: Sequence[Callable[[], R]], jobs: int, clips: Sequence[str], bar: tqdm
) -> list[R]:
    """Make the calls in processes that end with this one; WorkerError names where one died."""
    context = multiprocessing.get_context('spawn')  # a fork would inherit locks of OpenCV and torch
    at_work = context.RawArray('q', len(calls))
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(jobs, context, _begin, (at_work,))
    with _sigterm_raises():
        try:
            futures = [pool.submit(call) for call in calls]
            processes = [p for p in multiprocessing.active_children() if p not in others]
            return _results(futures, bar)
        except BrokenProcessPool as error:
            pool.shutdown()  # afterwards all have their exit codes
            ended = {process.pid: process.exitcode for process in processes}
            raise WorkerError(_describe_death(ended, at_work, clips)) from error
        except BaseException:  # Ctrl-C too: nobody waits for what is under way
            for process in multiprocessing.active_children():
                if process not in others:
                    process.terminate()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(at_work: Any) -> None:
    """Prepare a process of the pool; at Ctrl-C it goes without a word."""
    global _at_work
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _at_work = at_work


def _results(futures: Sequence[Future[R]], bar: tqdm) -> list[R]:
    """Wait for all, or for the first error, which is raised."""
    for future in as_completed(futures):
        future.result()
        bar.update()
    return [future.result() for future in futures]


def _describe_death(ended: dict[int | None, int | None], at_work: Any, clips: Sequence[str]) -> str:
    """Name the clip at which a process died; `ended` are exit codes by process.

    The pool ends the processes that are left by SIGTERM. Where that is how all ended, the clips of
    all of them are named.
    """
    died = {process for process, code in ended.items() if code not in (0, -signal.SIGTERM)}
    names = [
        clip for clip, process in zip(clips, at_work, strict=True) if process in (died or ended)
    ]
    where = f'at {" or ".join(dict.fromkeys(names))}' if names else 'before its first clip'
    return f'a process died {where}; out of memory? Try fewer --jobs'


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Let a plain kill be an exception as Ctrl-C is, so that the pool ends, too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    sys.exit(128 + signal.SIGTERM)


def _on_cluster(
    calls: Sequence[Callable[[], R]], address: str, clips: Sequence[str], bar: tqdm
) -> list[R]:
    """Make the calls on a Dask cluster, which makes those of dead workers again."""
    try:
        from distributed import Client, KilledWorker
    except ModuleNotFoundError as error:
        raise InputError("--cluster needs Dask: pip install 'dask[distributed]'") from error
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f'--cluster {address}: no Dask scheduler answers: {error}') from error
    with client:
        executor = client.get_executor(pure=False)
        futures = [executor.submit(call) for call in calls]
        try:
            return _results(futures, bar)
        except KilledWorker as error:
            clip = next(
                c
                for c, f in zip(clips, futures, strict=True)
                if f.done() and f.exception() is error
            )
            raise WorkerError(f'every worker that tried {clip} died; out of memory?') from error
        except CancelledError as error:
            raise WorkerError(f'the Dask cluster at {address} is gone') from error
