# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A recorded stream with packets missing, restored to its end by what its codec tells."""

import numpy as np
from support.transport_stream import beginnings, lose, packets_of, write_stream

from siammcvae_core.data.clips import VideoClip
from siammcvae_core.detection.lossy_clip import LossyClip
from siammcvae_core.metrics.errors import psnr
from siammcvae_core.restore.__main__ import main

COUNT = 24


def test_the_command_restores_a_broken_stream_to_its_end(tmp_path, capsys):
    whole = write_stream(tmp_path / 'whole.ts', COUNT)
    starts = beginnings(packets_of(whole))
    chosen = [start + step for start in (starts[5], starts[7]) for step in (2, 3, 4)]
    broken = lose(whole, tmp_path / 'broken.ts', chosen)
    out = tmp_path / 'restored.mkv'
    assert main([str(broken), str(out), '--detect', '--weights', 'none']) == 0
    printed = capsys.readouterr().out
    assert '6 of ' in printed
    assert 'packets are missing' in printed
    truth = [frame.image for frame in VideoClip(whole)]
    restored = [frame.image for frame in VideoClip(out)]
    assert len(restored) == COUNT
    np.testing.assert_array_equal(restored[4], truth[4])
    concealed = list(LossyClip(broken))[5]
    lost = concealed.mask
    assert psnr(restored[5], truth[5], lost) > psnr(concealed.image, truth[5], lost) + 3
