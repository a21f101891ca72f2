# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames leave once, in order, each counted; intact ones wait only so long for a restoration."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from siammcvae_core.restore.restored_frame import RestoredFrame, RestoreMethod
from siammcvae_ros.frame_path.output_queue import CameraFrame, OutputQueue


class Record:
    """An output that remembers what left."""

    def __init__(self):
        self.left = []
        self.fails = False

    def pass_through(self, frame):
        if self.fails:
            raise RuntimeError('publisher is gone')
        self.left.append((frame.number, 'passed'))

    def publish(self, frame, restored):
        self.left.append((frame.number, restored.method.value))


def restored():
    return RestoredFrame(
        frame=np.zeros((2, 2), np.uint8),
        mask=np.ones((2, 2), bool),
        method=RestoreMethod.WARP,
        reference_age=0.1,
        reason='',
        detail='',
        uncertainty=lambda: np.zeros((2, 2), np.float32),
    )


@pytest.fixture
def record():
    return Record()


def admit(output_queue, arrived=0.0):
    return CameraFrame(message=None, stamp=0, arrived=arrived, number=output_queue.admit())


def test_intact_frame_leaves_at_once(record):
    output_queue = OutputQueue(record, max_hold=1.0)
    output_queue.pass_through(admit(output_queue), 'intact')
    assert record.left == [(1, 'passed')]
    counters, passed_seconds, restored_seconds = output_queue.statistics()
    assert counters.passed == {'intact': 1}
    assert counters.in_flight == 0
    assert len(passed_seconds) == 1
    assert restored_seconds == ()


def test_intact_frame_waits_for_the_restoration_before_it(record):
    output_queue = OutputQueue(record, max_hold=1.0)
    damaged, intact = admit(output_queue), admit(output_queue)
    output_queue.start_restoring(damaged)
    output_queue.pass_through(intact, 'intact')
    assert record.left == []
    assert output_queue.deadline == 1.0
    output_queue.publish(damaged, restored())
    assert record.left == [(1, 'warp'), (2, 'passed')]
    assert output_queue.deadline is None


def test_intact_frame_overtakes_when_it_has_waited_enough(record):
    output_queue = OutputQueue(record, max_hold=1.0)
    damaged, intact = admit(output_queue), admit(output_queue)
    output_queue.start_restoring(damaged)
    output_queue.pass_through(intact, 'intact')
    output_queue.expire(0.99)
    assert record.left == []
    output_queue.expire(1.0)
    assert record.left == [(2, 'passed')]
    assert output_queue.is_overtaken(damaged)
    output_queue.publish(damaged, restored())
    assert record.left == [(2, 'passed')]
    assert output_queue.statistics()[0].dropped == {'overtaken': 1}


def test_no_hold_means_overtaking_at_once(record):
    output_queue = OutputQueue(record, max_hold=0.0)
    damaged, intact = admit(output_queue), admit(output_queue)
    output_queue.start_restoring(damaged)
    output_queue.pass_through(intact, 'intact')
    assert record.left == [(2, 'passed')]


def test_dropping_the_restoration_frees_those_behind_it(record):
    output_queue = OutputQueue(record, max_hold=1.0)
    damaged, intact = admit(output_queue), admit(output_queue)
    output_queue.start_restoring(damaged)
    output_queue.pass_through(intact, 'intact')
    output_queue.drop(damaged, 'superseded')
    assert record.left == [(2, 'passed')]


def test_superseded_frame_waits_for_the_restoration_ahead_and_keeps_its_place(record):
    output_queue = OutputQueue(record, max_hold=0.05)
    first, superseded, intact = (admit(output_queue) for _ in range(3))
    output_queue.start_restoring(first)
    output_queue.start_restoring(superseded)
    output_queue.pass_superseded(superseded)
    output_queue.pass_through(intact, 'intact')
    assert record.left == []
    output_queue.publish(first, restored())
    assert record.left == [(1, 'warp'), (2, 'passed'), (3, 'passed')]
    assert output_queue.statistics()[0].passed == {'superseded': 1, 'intact': 1}


def test_superseded_frame_leaves_before_an_intact_one_that_has_waited_enough(record):
    output_queue = OutputQueue(record, max_hold=0.05)
    first, superseded, intact = (admit(output_queue) for _ in range(3))
    output_queue.start_restoring(first)
    output_queue.pass_superseded(superseded)
    output_queue.pass_through(intact, 'intact')
    assert output_queue.deadline == 0.05
    output_queue.expire(0.05)
    assert record.left == [(2, 'passed'), (3, 'passed')]
    output_queue.publish(first, restored())
    assert output_queue.statistics()[0].dropped == {'overtaken': 1}


def test_superseded_frame_that_a_newer_one_has_overtaken_is_dropped(record):
    output_queue = OutputQueue(record)
    superseded, intact = admit(output_queue), admit(output_queue)
    output_queue.start_restoring(superseded)
    output_queue.pass_through(intact, 'intact')
    output_queue.pass_superseded(superseded)
    assert record.left == [(2, 'passed')]
    assert output_queue.statistics()[0].dropped == {'overtaken': 1}


def test_failed_restoration_passed_on_is_not_held_behind_itself(record):
    output_queue = OutputQueue(record, max_hold=1.0)
    damaged = admit(output_queue)
    output_queue.start_restoring(damaged)
    output_queue.pass_through(damaged, 'no_reference')
    assert record.left == [(1, 'passed')]


def test_held_frame_stays_behind_the_next_restoration(record):
    output_queue = OutputQueue(record, max_hold=1.0)
    first, intact, second, last = (admit(output_queue) for _ in range(4))
    output_queue.start_restoring(first)
    output_queue.pass_through(intact, 'intact')
    output_queue.start_restoring(second)
    output_queue.pass_through(last, 'intact')
    output_queue.publish(first, restored())
    assert record.left == [(1, 'warp'), (2, 'passed')]
    output_queue.publish(second, restored())
    assert record.left[2:] == [(3, 'warp'), (4, 'passed')]


def test_publisher_that_fails_is_counted_and_told(record):
    record.fails = True
    output_queue = OutputQueue(record)
    output_queue.pass_through(admit(output_queue), 'intact')
    counters = output_queue.statistics()[0]
    assert counters.dropped == {'publish_failed': 1}
    assert counters.passed == {}
    assert output_queue.last_error == 'RuntimeError: publisher is gone'


def test_close_drops_what_is_held(record):
    output_queue = OutputQueue(record, max_hold=1.0)
    damaged, intact = admit(output_queue), admit(output_queue)
    output_queue.start_restoring(damaged)
    output_queue.pass_through(intact, 'intact')
    output_queue.close()
    output_queue.drop(damaged, 'deactivated')
    assert record.left == []
    assert output_queue.statistics()[0].dropped == {'deactivated': 2}


actions = st.lists(st.sampled_from(['intact', 'damaged', 'finish', 'fail', 'drop', 'expire']))


@given(actions, st.sampled_from([0.0, 2.0]))
def test_account_balances_and_order_holds(actions, max_hold):
    record = Record()
    output_queue = OutputQueue(record, max_hold)
    unfinished = []
    for now, action in enumerate(actions):
        if action == 'intact':
            output_queue.pass_through(admit(output_queue, now), 'intact')
        elif action == 'damaged':
            unfinished.append(admit(output_queue, now))
            output_queue.start_restoring(unfinished[-1])
        elif action == 'expire':
            output_queue.expire(now)
        elif unfinished:
            frame = unfinished.pop(0)
            if action == 'finish':
                output_queue.publish(frame, restored())
            elif action == 'fail':
                output_queue.pass_through(frame, 'no_reference')
            else:
                output_queue.drop(frame, 'superseded')
    for frame in unfinished:
        output_queue.drop(frame, 'superseded')
    counters = output_queue.statistics()[0]
    assert counters.in_flight == 0
    assert len(record.left) == counters.restored.total() + counters.passed.total()
    numbers = [number for number, _ in record.left]
    assert numbers == sorted(numbers)
