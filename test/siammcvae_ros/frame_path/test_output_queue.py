# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames leave once, in order, each counted; intact ones wait only so long for a restoration."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from siammcvae_core.restore.restorer import Restored, Rung
from siammcvae_ros.frame_path.output_queue import Outbox, Ticket


class Record:
    """An output that remembers what left."""

    def __init__(self):
        self.left = []
        self.fails = False

    def pass_on(self, ticket):
        if self.fails:
            raise RuntimeError('publisher is gone')
        self.left.append((ticket.number, 'passed'))

    def publish(self, ticket, restored):
        self.left.append((ticket.number, restored.rung.value))


def restored():
    return Restored(
        frame=np.zeros((2, 2), np.uint8),
        mask=np.ones((2, 2), bool),
        rung=Rung.WARP,
        reference_age=0.1,
        reason='',
        detail='',
        uncertainty=lambda: np.zeros((2, 2), np.float32),
    )


@pytest.fixture
def record():
    return Record()


def admit(outbox, arrived=0.0):
    return Ticket(message=None, stamp=0, arrived=arrived, number=outbox.admit())


def test_intact_frame_leaves_at_once(record):
    outbox = Outbox(record, max_hold=1.0)
    outbox.pass_on(admit(outbox), 'intact')
    assert record.left == [(1, 'passed')]
    tally, passed_seconds, restored_seconds = outbox.account()
    assert tally.passed == {'intact': 1}
    assert tally.in_flight == 0
    assert len(passed_seconds) == 1
    assert restored_seconds == ()


def test_intact_frame_waits_for_the_restoration_before_it(record):
    outbox = Outbox(record, max_hold=1.0)
    damaged, intact = admit(outbox), admit(outbox)
    outbox.announce(damaged)
    outbox.pass_on(intact, 'intact')
    assert record.left == []
    assert outbox.deadline == 1.0
    outbox.publish(damaged, restored())
    assert record.left == [(1, 'warp'), (2, 'passed')]
    assert outbox.deadline is None


def test_intact_frame_overtakes_when_it_has_waited_enough(record):
    outbox = Outbox(record, max_hold=1.0)
    damaged, intact = admit(outbox), admit(outbox)
    outbox.announce(damaged)
    outbox.pass_on(intact, 'intact')
    outbox.expire(0.99)
    assert record.left == []
    outbox.expire(1.0)
    assert record.left == [(2, 'passed')]
    assert outbox.is_overtaken(damaged)
    outbox.publish(damaged, restored())
    assert record.left == [(2, 'passed')]
    assert outbox.account()[0].dropped == {'overtaken': 1}


def test_no_hold_means_overtaking_at_once(record):
    outbox = Outbox(record, max_hold=0.0)
    damaged, intact = admit(outbox), admit(outbox)
    outbox.announce(damaged)
    outbox.pass_on(intact, 'intact')
    assert record.left == [(2, 'passed')]


def test_dropping_the_restoration_frees_those_behind_it(record):
    outbox = Outbox(record, max_hold=1.0)
    damaged, intact = admit(outbox), admit(outbox)
    outbox.announce(damaged)
    outbox.pass_on(intact, 'intact')
    outbox.drop(damaged, 'superseded')
    assert record.left == [(2, 'passed')]


def test_failed_restoration_passed_on_is_not_held_behind_itself(record):
    outbox = Outbox(record, max_hold=1.0)
    damaged = admit(outbox)
    outbox.announce(damaged)
    outbox.pass_on(damaged, 'no_reference')
    assert record.left == [(1, 'passed')]


def test_held_frame_stays_behind_the_next_restoration(record):
    outbox = Outbox(record, max_hold=1.0)
    first, intact, second, last = (admit(outbox) for _ in range(4))
    outbox.announce(first)
    outbox.pass_on(intact, 'intact')
    outbox.announce(second)
    outbox.pass_on(last, 'intact')
    outbox.publish(first, restored())
    assert record.left == [(1, 'warp'), (2, 'passed')]
    outbox.publish(second, restored())
    assert record.left[2:] == [(3, 'warp'), (4, 'passed')]


def test_publisher_that_fails_is_counted_and_told(record):
    record.fails = True
    outbox = Outbox(record)
    outbox.pass_on(admit(outbox), 'intact')
    tally = outbox.account()[0]
    assert tally.dropped == {'publish_failed': 1}
    assert tally.passed == {}
    assert outbox.last_error == 'RuntimeError: publisher is gone'


def test_close_drops_what_is_held(record):
    outbox = Outbox(record, max_hold=1.0)
    damaged, intact = admit(outbox), admit(outbox)
    outbox.announce(damaged)
    outbox.pass_on(intact, 'intact')
    outbox.close()
    outbox.drop(damaged, 'deactivated')
    assert record.left == []
    assert outbox.account()[0].dropped == {'deactivated': 2}


actions = st.lists(st.sampled_from(['intact', 'damaged', 'finish', 'fail', 'drop', 'expire']))


@given(actions, st.sampled_from([0.0, 2.0]))
def test_account_balances_and_order_holds(actions, max_hold):
    record = Record()
    outbox = Outbox(record, max_hold)
    unfinished = []
    for now, action in enumerate(actions):
        if action == 'intact':
            outbox.pass_on(admit(outbox, now), 'intact')
        elif action == 'damaged':
            unfinished.append(admit(outbox, now))
            outbox.announce(unfinished[-1])
        elif action == 'expire':
            outbox.expire(now)
        elif unfinished:
            ticket = unfinished.pop(0)
            if action == 'finish':
                outbox.publish(ticket, restored())
            elif action == 'fail':
                outbox.pass_on(ticket, 'no_reference')
            else:
                outbox.drop(ticket, 'superseded')
    for ticket in unfinished:
        outbox.drop(ticket, 'superseded')
    tally = outbox.account()[0]
    assert tally.in_flight == 0
    assert len(record.left) == tally.restored.total() + tally.passed.total()
    numbers = [number for number, _ in record.left]
    assert numbers == sorted(numbers)
