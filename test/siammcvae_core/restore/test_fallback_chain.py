# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fallback chain: engines that serve, fail, are slow or return no frame; `best_method`."""

import numpy as np
import pytest
from support.engines import after, ConstantEngine, drive, FailingEngine, some_lost

from siammcvae_core.engines import Restoration
from siammcvae_core.restore.restored_frame import RestoreMethod


class FixedEngine(ConstantEngine):
    """An engine that returns the same for every frame."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def restore(self, references, frame, mask, stamp):
        return Restoration(self.output)


def test_model_serves_first_and_only_lost_pixels_change():
    frames, lost, engine = drive(), some_lost(), ConstantEngine()
    restored = after(frames, engine=engine).restore(frames[2], lost, 0.2)
    assert (restored.method, restored.reason) == (RestoreMethod.MODEL, '')
    assert (restored.frame[lost] == 77).all()
    np.testing.assert_array_equal(restored.frame[~lost], frames[2][~lost])


def test_engine_that_is_capped_away_is_never_called():
    frames, engine = drive(), FailingEngine(RuntimeError('called'), at_encode=True)
    restored = after(frames, engine=engine, best_method=RestoreMethod.WARP).restore(
        frames[2], some_lost(), 0.2
    )
    assert (restored.method, restored.reason) == (RestoreMethod.WARP, '')


@pytest.mark.parametrize('at_encode', [False, True])
@pytest.mark.parametrize(
    'error',
    [RuntimeError('CUDA out of memory'), MemoryError('lots'), ValueError('shape'), OSError()],
)
@pytest.mark.parametrize(('kept', 'method'), [(2, RestoreMethod.WARP), (1, RestoreMethod.COPY)])
def test_after_an_engine_error_the_next_method_serves(error, at_encode, kept, method):
    frames, lost = drive(), some_lost()
    restorer = after(frames, (0.0, 0.1)[:kept], FailingEngine(error, at_encode))
    restored = restorer.restore(frames[2], lost, 0.2)
    assert (restored.method, restored.reason) == (method, 'engine_error')
    assert type(error).__name__ in restored.detail
    assert str(error) in restored.detail
    expected = after(frames, (0.0, 0.1)[:kept]).restore(frames[2], lost, 0.2)
    np.testing.assert_array_equal(restored.frame, expected.frame)


@pytest.mark.parametrize(
    'output',
    [
        None,
        np.zeros((60, 80, 3), np.uint8),
        np.zeros((120, 160), np.uint8),
        np.zeros((120, 160, 3), np.float32),
        'a frame',
    ],
)
def test_engine_output_that_is_no_such_frame_is_an_engine_error(output):
    frames, lost = drive(), some_lost()
    restored = after(frames, engine=FixedEngine(output)).restore(frames[2], lost, 0.2)
    assert (restored.method, restored.reason) == (RestoreMethod.WARP, 'engine_error')
    assert restored.detail


def test_engine_that_recovers_serves_again():
    frames, engine = drive(), FailingEngine(RuntimeError('busy'), at_encode=True)
    restorer = after(frames, engine=engine)
    assert restorer.restore(frames[2], some_lost(), 0.2).method is RestoreMethod.WARP
    engine.error = None
    assert restorer.restore(frames[2], some_lost(), 0.2).method is RestoreMethod.MODEL


@pytest.mark.parametrize('kept', [0, 2])
def test_a_frame_without_damage_is_returned_itself(kept):
    frames = drive()
    restorer = after(frames[:kept], engine=FailingEngine(RuntimeError('called')))
    restored = restorer.restore(frames[2], np.zeros((120, 160), np.uint8), 0.2)
    assert restored.frame is frames[2]
    assert restored.reason == ''
    assert not restored.mask.any()
    assert not restored.uncertainty().any()


@pytest.mark.parametrize('method', list(RestoreMethod))
def test_best_method_leaves_out_better_ones_without_a_reason(method):
    frames = drive()
    restored = after(frames, engine=ConstantEngine(), best_method=method).restore(
        frames[2], some_lost(), 0.2
    )
    assert (restored.method, restored.reason) == (method, '')
    if method is RestoreMethod.PASS:
        assert restored.frame is frames[2]


@pytest.mark.parametrize('method', [RestoreMethod.MODEL, RestoreMethod.WARP, RestoreMethod.COPY])
@pytest.mark.parametrize('lost', [np.ones((120, 160), bool), some_lost()])
def test_result_shares_no_memory_with_kept_frames_or_input(method, lost):
    class AliasingEngine(ConstantEngine):
        def encode_reference(self, frame):
            return frame

        def restore(self, references, frame, mask, stamp):
            return Restoration(references.frames[0].frame)

    frames = drive()
    restored = after(frames, engine=AliasingEngine(), best_method=method).restore(
        frames[2], lost, 0.2
    )
    assert restored.method is method
    before = [frame.copy() for frame in frames]
    restored.frame[:] = 0
    np.testing.assert_array_equal(frames, before)


class SlowEngine(ConstantEngine):
    """An engine that advances a clock, `[seconds]`, by its latency."""

    def __init__(self, clock, seconds):
        super().__init__()
        self.clock, self.seconds = clock, seconds

    def restore(self, references, frame, mask, stamp):
        self.clock[0] += self.seconds
        return super().restore(references, frame, mask, stamp)


def test_a_model_that_takes_too_long_is_passed_over_until_it_is_tried_again(monkeypatch):
    frames, mask, clock = drive(3), some_lost(), [0.0]
    monkeypatch.setattr('siammcvae_core.restore.fallback_chain.time.perf_counter', lambda: clock[0])
    engine = SlowEngine(clock, 0.1)
    restorer = after(frames, engine=engine)
    first, second = (restorer.restore(frames[2], mask, 0.2, budget=0.05) for _ in range(2))
    assert (first.method, first.reason) == (RestoreMethod.MODEL, '')
    assert (second.method, second.reason) == (RestoreMethod.WARP, 'deadline')
    assert second.detail == 'the model takes 0.100 s, there are 0.050 s'
    assert restorer.restore(frames[2], mask, 0.2, budget=0.2).method is RestoreMethod.MODEL
    engine.seconds = 0.01
    methods = [restorer.restore(frames[2], mask, 0.2, budget=0.05).method for _ in range(300)]
    again = methods.index(RestoreMethod.MODEL)
    assert again > 50
    assert set(methods[again + 10 :]) == {RestoreMethod.MODEL}


def test_without_a_budget_the_model_may_take_its_time(monkeypatch):
    frames, clock = drive(3), [0.0]
    monkeypatch.setattr('siammcvae_core.restore.fallback_chain.time.perf_counter', lambda: clock[0])
    restorer = after(frames, engine=SlowEngine(clock, 100.0))
    methods = [restorer.restore(frames[2], some_lost(), 0.2).method for _ in range(3)]
    assert methods == [RestoreMethod.MODEL] * 3


def test_a_second_view_is_taken_only_where_there_is_time_for_it(monkeypatch):
    frames, mask, clock = drive(3), some_lost(), [0.0]
    monkeypatch.setattr('siammcvae_core.restore.fallback_chain.time.perf_counter', lambda: clock[0])
    engine = SlowEngine(clock, 0.1)
    restorer = after(frames, engine=engine)
    calls = []
    for number, budget in enumerate((0.15, 0.15, 0.25, 0.15), start=2):
        before = engine.restored
        restored = restorer.restore(frames[2], mask, number / 10, budget=budget)
        assert (restored.method, restored.reason) == (RestoreMethod.MODEL, '')
        calls.append(engine.restored - before)
    assert calls == [1, 1, 2, 1]
