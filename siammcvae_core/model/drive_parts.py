# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model in two parts that compute only what a fault asks for, ready to be exported.

`EncodeReference` runs when an intact frame arrives, `RestorePart` on the clock. What the latter
leaves out does not reach a lost pixel: tokens that are not active, and cells far from the hole.
Which those are is settled outside, in NumPy (see `engines.damage`), so that the parts are plain
gathers and products with named inputs: nothing in them depends on values.
"""

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from siammcvae_core.evidence.gather import CELL
from siammcvae_core.model.drive import DriveMCVAE, places
from siammcvae_core.model.patches import patchify

ENCODE_INPUTS = ('picture',)
ENCODE_OUTPUTS = ('tokens',)
RESTORE_INPUTS = (
    'tokens', 'picture', 'place', 'visible', 'evidence', 'source', 'own', 'patch', 'active',
    'spread',
)  # fmt: skip
RESTORE_OUTPUTS = ('correction', 'weights', 'colour', 'log_scale')


class EncodeReference(nn.Module):
    """`encode_reference(picture) -> tokens`: frames (1, 3, H, W) of one size to U1 (1, N, D')."""

    def __init__(self, model: DriveMCVAE, size: tuple[int, int]) -> None:
        super().__init__()
        self.model = model
        grid = size[0] // model.profile.patch, size[1] // model.profile.patch
        self.register_buffer('place', places(grid, torch.device('cpu')))

    def forward(self, picture: Tensor) -> Tensor:
        """Encode a frame in the scale of `pixels.normalise`."""
        encoder = self.model.encoder
        embedded = encoder.embed(patchify(picture, encoder.patch)) + encoder.place(self.place)
        return encoder.project(encoder.vit(embedded))


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
        evidence: Tensor,
        source: Tensor,
        own: Tensor,
        patch: Tensor,
        active: Tensor,
        spread: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Judge a box; one True at least is needed in `visible` and in `active`.

        `tokens` U1 (1, N, D'); `picture` (1, V, P*P*3) pixels of patches, `place` (1, V, 2) where
        they lie, `visible` bool (1, V) which count; `evidence` (1, C, 4 r, 4 c). For each of the
        patches that take part: `source` long (A,) its patch in the reference, `own` long (A,) its
        row of `picture`, V where it is lost; `patch` long (A,) its place in the box; `active` bool
        (1, A) which count. `spread` long (r, c) says for each patch of the box where in those lists
        it is, A if it is not.
        """
        model = self.model
        u1 = tokens.index_select(1, source)  # (1, A, D')
        encoder = model.encoder
        seen = encoder.vit(encoder.embed(picture) + encoder.place(place), visible)
        u2 = torch.cat([encoder.project(seen), model.mask_token.expand(1, 1, -1)], 1)
        u2 = u2.index_select(1, own)  # (1, A, D')
        if not model.profile.siamese:
            u1, u2 = torch.zeros_like(u1), torch.zeros_like(u2)
        cells = model.stem(evidence)  # (1, c, h, w)
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
        reply = model.reply(cells, features, mean, log_var)
        return reply.correction, reply.weights, reply.colour, reply.log_scale
