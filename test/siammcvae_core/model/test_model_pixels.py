# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pixel scale and its way back."""

import torch

from siammcvae_core.model.pixels import denormalise, normalise


def test_every_grey_level_comes_back_to_the_bit() -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(2, 3, 16, 16)
    assert torch.equal(denormalise(normalise(levels)), levels)


def test_imagenet_statistics_per_channel_of_rgb() -> None:
    white = normalise(torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)).flatten()
    expected = torch.tensor([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225])
    torch.testing.assert_close(white, expected)


def test_output_beyond_the_range_is_clipped() -> None:
    assert denormalise(torch.full((3, 1, 1), 50.0)).flatten().tolist() == [255] * 3
    assert denormalise(torch.full((3, 1, 1), -50.0)).flatten().tolist() == [0] * 3
