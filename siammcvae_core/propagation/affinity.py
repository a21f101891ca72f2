# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Label propagation by the similarity of features: how SiamMAE measures correspondence.

The label of patch i is the weighted mean over its k most similar patches j of the first frame and,
within a window around it, of the last few,

    label_i = sum_j softmax_j(cos(f_i, f_j) / temperature) label_j

the common protocol (Jabri et al. 2020) with one difference: there the first frame, repeated, stands
for the frames before it; here it counts once.
"""

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor
import torch.nn.functional as F

from siammcvae_core.errors import InputError
from siammcvae_core.model.patches import Grid

ROWS = 1024
"""Patches whose similarity to all others is in memory at a time."""


@dataclass(frozen=True)
class PropagationSettings:
    """PropagationSettings of label propagation; the defaults are those for segments and keypoints.

    Labels come from the `topk` most similar patches of the first frame and of the `queue` frames
    before this one; of the latter only from those less than `radius` patches away. `temperature`
    divides the cosine. Raises `InputError` for numbers out of range.
    """

    topk: int = 7
    queue: int = 20
    radius: float = 20.0
    temperature: float = 0.7

    def __post_init__(self) -> None:
        valid = self.topk >= 1 and self.queue >= 0 and self.radius > 0 and self.temperature > 0
        if not valid:
            raise InputError(
                f'label propagation needs topk >= 1, queue >= 0, radius > 0 and temperature > 0, '
                f'got {self}'
            )


class Propagator:
    """Propagates the labels of a first frame through a video.

    `features` (h * w, D) describe its patches on a grid of h x w; `labels` (h * w, C) are float,
    such as shares of C segments.
    """

    def __init__(
        self, features: Tensor, labels: Tensor, grid: Grid, settings: PropagationSettings
    ) -> None:
        self._settings = settings
        self._features = deque([F.normalize(features, dim=-1)])
        self._labels = deque([labels])
        index = torch.arange(len(features), device=features.device)
        rows, columns = index.div(grid[1], rounding_mode='floor'), index % grid[1]
        places = torch.stack([rows, columns], 1).float()  # (h * w, 2)
        self._far = torch.cdist(places, places) >= settings.radius

    def step(self, features: Tensor) -> Tensor:
        """Label the next frame from its features (h * w, D): (h * w, C)."""
        features = F.normalize(features, dim=-1)
        memory = torch.cat(list(self._labels))  # (memory * h * w, C)
        chunks = [slice(i, i + ROWS) for i in range(0, len(features), ROWS)]
        labels = torch.cat([self._label(features, memory, rows) for rows in chunks])
        self._features.append(features)
        self._labels.append(labels)
        if len(self._labels) > 1 + self._settings.queue:
            del self._features[1], self._labels[1]
        return labels

    def _label(self, features: Tensor, labels: Tensor, rows: slice) -> Tensor:
        """Label the patches in `rows` from the most similar of all frames in memory."""
        wanted = min(self._settings.topk, len(features))
        nearest, indices = [], []
        for number, other in enumerate(self._features):
            similarity = features[rows] @ other.T  # (rows, h * w)
            if number:
                similarity.masked_fill_(self._far[rows], -torch.inf)
            best = similarity.topk(wanted, dim=1)
            nearest.append(best.values)
            indices.append(best.indices + number * len(other))
        best = torch.cat(nearest, 1).topk(wanted, dim=1)
        index = torch.cat(indices, 1).gather(1, best.indices)  # (rows, topk)
        weight = (best.values / self._settings.temperature).softmax(1)
        return torch.einsum('rk,rkc->rc', weight, labels[index])
