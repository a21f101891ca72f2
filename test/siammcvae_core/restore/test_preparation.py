# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the restorer does ahead of the next damaged frame."""

import numpy as np
from support.engines import after, ConstantEngine, drive, FailingEngine, some_lost

from siammcvae_core.restore.restored_frame import RestoreMethod
from siammcvae_core.restore.restorer import RECENT_DAMAGE, Restorer


def prepared(restorer):
    """Prepare all there is, as an idle worker does; returns the number of steps."""
    steps = 0
    while restorer.unprepared:
        restorer.prepare()
        steps += 1
    return steps


def test_an_eager_engine_encodes_every_reference_ahead():
    frames, mask = drive(3), some_lost()
    engine = ConstantEngine()
    restorer = Restorer(engine)
    for number, frame in enumerate(frames[:2]):
        restorer.observe(frame, number / 10)
        assert prepared(restorer) == 1
    assert engine.encoded == 2
    restorer.restore(frames[2], mask, 0.2)
    assert (engine.encoded, engine.restored) == (2, 1)


def test_other_engines_prepare_soon_after_damage():
    frames, mask = drive(8), some_lost()
    engine = ConstantEngine()
    engine.eager = False
    restorer = after(frames, engine=engine)
    assert not restorer.unprepared
    restorer.restore(frames[2], mask, 0.2)
    assert (engine.encoded, prepared(restorer)) == (1, 0)
    restorer.observe(frames[3], 0.3)
    assert (prepared(restorer), engine.encoded) == (3, 2)
    restorer.restore(frames[4], mask, 0.4)
    assert engine.encoded == 2
    restorer.observe(frames[5], 0.4 + RECENT_DAMAGE + 0.1)
    assert not restorer.unprepared


def test_while_damage_lasts_the_next_damaged_frame_is_prepared_for():
    frames, mask = drive(8), some_lost()
    engine = ConstantEngine()
    engine.eager = False
    restorer = after(frames, engine=engine)
    restorer.restore(frames[2], mask, 0.2)
    assert not restorer.unprepared  # one damaged frame alone is as often the last as not
    restorer.restore(frames[3], mask, 0.3)
    assert prepared(restorer) == 4
    before = engine.encoded
    restorer.restore(frames[4], mask, 0.4)
    assert engine.encoded == before
    restorer.observe(frames[5], 0.5)
    assert prepared(restorer) == 3


def test_a_damaged_frame_does_not_wait_for_what_was_not_prepared():
    frames, mask = drive(8), some_lost()
    restorer = after(frames, engine=ConstantEngine())
    assert restorer.unprepared
    assert restorer.restore(frames[2], mask, 0.2).method is RestoreMethod.MODEL
    assert not restorer.unprepared


def test_prepared_or_not_the_frame_is_the_same():
    frames, mask = drive(6), some_lost()
    results = []
    for prepare in (True, False):
        restorer = after(frames, engine=ConstantEngine(), best_method=RestoreMethod.WARP)
        restorer.restore(frames[2], mask, 0.2)
        restorer.observe(frames[3], 0.3)
        restorer.observe(frames[4], 0.4)
        if prepare:
            prepared(restorer)
        results.append(restorer.restore(frames[5], mask, 0.5).frame)
    np.testing.assert_array_equal(*results)


def test_a_step_of_preparation_that_fails_is_left_to_the_restoration():
    frames, mask = drive(3), some_lost()
    restorer = after(frames, engine=FailingEngine(RuntimeError('no memory'), at_encode=True))
    assert prepared(restorer) == 1
    restored = restorer.restore(frames[2], mask, 0.2)
    assert (restored.method, restored.reason) == (RestoreMethod.WARP, 'engine_error')
