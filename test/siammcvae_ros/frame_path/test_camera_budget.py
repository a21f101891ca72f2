# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long the model may take for a frame of a camera."""

import pytest
from support.rig import BAND, NOTHING, Rig


def budgets_of(rig, monkeypatch):
    """Note the seconds that every restoration is given, in a list that grows."""
    budgets = []
    restore = rig.camera.restorer.restore

    def watched(frame, mask, stamp, budget, arrived):
        budgets.append(budget)
        return restore(frame, mask, stamp, budget, arrived)

    monkeypatch.setattr(rig.camera.restorer, 'restore', watched)
    return budgets


@pytest.mark.parametrize(
    ('model_budget', 'sharing', 'due'), [(0.0, 1, 0.1), (0.0, 4, 0.025), (0.25, 1, 0.25)]
)
def test_the_model_has_the_frame_period_or_what_is_set(model_budget, sharing, due, monkeypatch):
    rig = Rig(model_budget=model_budget)
    budgets = budgets_of(rig, monkeypatch)
    for index in (0, 1, 2, 4):  # one frame never came
        rig.frame(index, mask=NOTHING)
        rig.work()
    assert not rig.camera.is_damaged
    rig.frame(5, mask=BAND)
    assert rig.camera.is_damaged
    rig.camera.process_next(sharing)
    assert budgets == [pytest.approx(due)]


def test_a_replay_in_slow_motion_gives_the_model_more_time(monkeypatch):
    rig = Rig()
    budgets = budgets_of(rig, monkeypatch)
    for index in range(4):
        rig.frame(index, mask=NOTHING, at=0.5 * index)
    rig.frame(4, mask=BAND, at=2.0)
    rig.work()
    assert budgets == [pytest.approx(0.5)]
