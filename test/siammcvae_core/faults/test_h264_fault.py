# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.h264 import LossyStream
from siammcvae_core.metrics import psnr
from siammcvae_core.simulation.drive import DriveSim


@pytest.fixture(scope='module')
def frames():
    drive = DriveSim((320, 180), frames=10)
    return [drive.render(i) for i in range(7)]


def rng():
    return np.random.default_rng(2)


def test_without_loss_the_frame_is_delivered_not_its_coded_version(frames):
    stream = LossyStream(frames[0].shape)
    for frame in frames:
        delivered, mask = stream.send(frame, 0, rng())
        assert not mask.any()
        assert np.array_equal(delivered, frame)


def test_loss_is_concealed_with_errors_that_spread_until_the_burst_ends(frames):
    burst = FaultInjector(['h264:0.2'], 1.0, 2, 100)
    shares = [burst.inject(i, frame).mask.mean() for i, frame in enumerate(frames)]
    stream = LossyStream(frames[0].shape)
    stream.send(frames[0], 0, rng())
    damaged, first = stream.send(frames[1], 0.2, rng())
    _, later = stream.send(frames[2], 0, rng())  # nothing lost, but predicted from what was
    assert 0 < first.mean() < 0.9
    assert later.any()
    assert psnr(damaged, frames[1], first) > 12  # concealed, not blank
    assert shares[-1] > shares[1] > 0


def test_the_lost_area_grows_with_the_share_of_packets(frames):
    shares = []
    for ratio in (0.05, 0.5, 1.0):
        stream = LossyStream(frames[0].shape)
        stream.send(frames[0], 0, rng())
        shares.append(stream.send(frames[1], ratio, rng())[1].mean())
    assert shares[0] < shares[1] < shares[2]


def test_a_burst_begins_with_the_intact_frame_before_it(frames):
    faults = FaultInjector(['h264:1.0'], 0.5, 13, 6)  # strikes from frame 1 on
    assert faults.inject(0, frames[0]).fault is None
    frozen = faults.inject(1, frames[1])
    lost = frozen.mask
    assert frozen.fault == 'h264:1.0'
    assert psnr(frozen.frame, frames[0], lost) > 30  # all packets lost: the frame before is shown
    assert psnr(frozen.frame, frames[1], lost) < psnr(frozen.frame, frames[0], lost) - 5


def test_a_key_frame_without_its_packets_shows_nothing(frames):
    result = FaultInjector(['h264:1.0'], 1.0, 0).inject(0, frames[0])
    assert result.mask.mean() > 0.99
    assert not result.frame[result.mask].any()
