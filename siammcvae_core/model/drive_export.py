# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model in two parts that compute only what a fault asks for, ready to be exported.

`EncodeReference` runs when an intact frame arrives, `RestorePart` on the clock. What the latter
leaves out does not reach a lost pixel: tokens that are not active, and cells far from the hole.
Which those are is settled outside, in NumPy (see `engines.damage`), so that the parts are plain
gathers and products with named inputs of any length: nothing in them depends on values.
"""

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from siammcvae_core.alignment.features import CELL
from siammcvae_core.model.drive import DriveMCVAE


class EncodeReference(nn.Module):
    """`encode_reference(picture, place) -> tokens`: a whole frame to U1."""

    def __init__(self, model: DriveMCVAE) -> None:
        super().__init__()
        self.encoder = model.encoder

    def forward(self, picture: Tensor, place: Tensor) -> Tensor:
        """Encode patches (1, N, P*P*3) lying at `place` (1, N, 2) to tokens (1, N, D')."""
        return self.encoder.encode(picture, place)


class RestorePart(nn.Module):
    """`restore(tokens, picture, ..) -> correction, weights, colour, log_scale` of a box of cells.

    The box has r x c patches. V patches of it are visible and of use, A take part; both lists may
    be filled up with anything, which `visible` and `active` tell.
    """

    def __init__(self, model: DriveMCVAE) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        tokens: Tensor,
        picture: Tensor,
        place: Tensor,
        visible: Tensor,
        features: Tensor,
        inside: Tensor,
        source: Tensor,
        own: Tensor,
        patch: Tensor,
        active: Tensor,
        spread: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Judge a box; one True at least is needed in `visible` and in `active`.

        `tokens` U1 (1, N, D'); `picture` (1, V, P*P*3) pixels of patches, `place` (1, V, 2) where
        they lie, `visible` bool (1, V) which count. `features` (1, C, 4 r + 4, 4 c + 4) is of the
        box and two cells around it, zero beyond the frame; `inside` (1, 1, 4 r + 2, 4 c + 2) is 1
        where the box and one cell around it are in the frame, else 0. For each of the patches that
        take part: `source` long (A,) its patch in the reference, `own` long (A,) its row of
        `picture`, V where it is lost; `patch` long (A,) its place in the box; `active` bool (1, A)
        which count. `spread` long (r, c) says for each patch of the box where in those lists it is,
        A if it is not.
        """
        model = self.model
        u1 = tokens.index_select(1, source)  # (1, A, D')
        u2 = model.encoder.encode(picture, place, visible)  # (1, V, D')
        u2 = torch.cat([u2, model.mask_token.expand(1, 1, -1)], 1).index_select(1, own)
        if not model.profile.siamese:
            u1, u2 = torch.zeros_like(u1), torch.zeros_like(u2)
        cells = model.stem.middle(features, inside)  # (1, c, 4 r, 4 c)
        told = model.to_tokens(cells).flatten(2).transpose(1, 2).index_select(1, patch)
        mean, log_var = model.latent(torch.cat([u1, u2, told], -1))
        decoded = model.decoder(model.mix(torch.cat([mean, u1, told], -1)), active)
        features = F.pad(model.to_cells(decoded), (0, 0, 0, 1))  # (1, A + 1, ..): the last is none
        features = features.index_select(1, spread.flatten())
        across = model.profile.patch // CELL
        rows, columns = spread.shape
        features = features.reshape(1, rows, columns, across, across, -1)
        features = features.permute(0, 5, 1, 3, 2, 4)  # (1, c, r, across, columns, across)
        features = features.reshape(1, -1, across * rows, across * columns)
        predict = model.predict(cells, features, mean, log_var)
        return predict.correction, predict.weights, predict.colour, predict.log_scale
