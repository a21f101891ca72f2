# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Spreads the work over processes; what comes out does not depend on how many there are."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
import multiprocessing
import signal
from typing import Any

import cv2
from tqdm import tqdm

from siammcvae_core.data.layouts import Clip
from siammcvae_core.evaluate.clip_evaluation import contest, Outcome, Task
from siammcvae_core.evaluate.methods import Method
from siammcvae_core.evaluate.plan import Plan

POLL = 0.3  # seconds between looks at the progress


class WorkerError(RuntimeError):
    """A process that was scoring is gone: killed, or out of memory."""


def tasks_of(
    plan: Plan, methods: Sequence[Method], clips: Sequence[Clip], topic: str
) -> list[Task]:
    """Cut an evaluation into tasks; the clips that are pictured are spread over all."""
    step = max(1, -(-len(clips) // plan.pictures))
    return [
        Task(plan, tuple(methods), clip, seed, seed == 0 and number % step == 0, topic)
        for number, clip in enumerate(clips)
        for seed in range(len(plan.seeds))
    ]


def run(tasks: Sequence[Task], jobs: int) -> list[Outcome]:
    """Do all tasks in `jobs` processes, none of its own for 1, with a progress bar.

    Every process computes with one thread: OpenCV's flow depends on how many there are. Raises
    what a method raises, and WorkerError if a process dies.
    """
    expected = [_frames(task) for task in tasks]
    with tqdm(total=sum(expected), desc='scoring', unit='frame', disable=None) as bar:
        if jobs > 1 and len(tasks) > 1:
            return _spread_out(tasks, expected, min(jobs, len(tasks)), bar)
        outcomes = []
        with _one_thread():
            for task, frames in zip(tasks, expected, strict=True):
                outcomes.append(contest(task, bar.update))
                bar.total += len(outcomes[-1].scores) - frames
        return outcomes


def _spread_out(
    tasks: Sequence[Task], expected: Sequence[int], jobs: int, bar: Any
) -> list[Outcome]:
    context = multiprocessing.get_context('spawn')  # a fork would inherit locks of OpenCV and torch
    counter = context.Value('q', 0)
    pool = ProcessPoolExecutor(jobs, context, _begin, (counter,))
    try:
        futures: list[Future[Outcome]] = [pool.submit(_work, task) for task in tasks]
        ahead = dict(zip(futures, expected, strict=True))
        while ahead:
            done, _ = wait(ahead, POLL, FIRST_COMPLETED)
            for future in done:
                bar.total += len(future.result().scores) - ahead.pop(future)
            bar.update(counter.value - bar.n)
        return [future.result() for future in futures]
    except BrokenProcessPool as error:
        raise WorkerError('a scoring process died; out of memory? Try fewer --jobs') from error
    except BaseException:  # Ctrl-C too: nobody waits for what is under way
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _frames(task: Task) -> int:
    plan = task.plan
    return len(task.methods) * len(plan.masks) * len(plan.gaps) * plan.samples


_count: Callable[[int], None]


def _begin(counter: Any) -> None:
    """Prepare a process: one thread, and at Ctrl-C it goes without a word."""
    global _count
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    cv2.setNumThreads(1)

    def count(frames: int) -> None:
        with counter.get_lock():
            counter.value += frames

    _count = count


def _work(task: Task) -> Outcome:
    return contest(task, _count)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
