# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model as two modules that compute no more than a fault requires, for export.

`EncodeReference` runs when an intact frame arrives, `RestoreCrop` when a damaged one does. The
latter leaves out what cannot reach a lost pixel: patches that are not active, and cells far from
the damage. `engines.crop` chooses them in NumPy and passes indices, so that nothing in the graphs
depends on values: they are gathers and products with named inputs of any length. Everything else
is `DriveMCVAE`'s own.

Inputs of a crop of r x c patches of k x k cells, V of them visible and in use, T that take part as
tokens. Both lists may be padded with anything, which the two masks say; each mask needs one True at
least.

| input               | type  | shape               |                                          |
|---------------------|-------|---------------------|------------------------------------------|
| `reference_tokens`  | float | (1, N, D')          | output of `EncodeReference`              |
| `patches`           | float | (1, V, P*P*3)       | visible patches, normalised RGB          |
| `patch_positions`   | float | (1, V, 2)           | their centres (y, x) in (-1, 1)          |
| `patch_is_visible`  | bool  | (1, V)              | False for padding of `patches`           |
| `features`          | float | (1, C, kr+4, kc+4)  | alignment features of the cells and of   |
|                     |       |                     | two around them, 0 beyond the frame      |
| `inside_frame`      | float | (1, 1, kr+2, kc+2)  | 1 for cells in the frame, 0 beyond       |
| `reference_index`   | int64 | (T,)                | token's row of `reference_tokens`        |
| `patch_index`       | int64 | (T,)                | token's row of `patches`, V where lost   |
| `crop_index`        | int64 | (T,)                | token's patch in the crop, row by row    |
| `token_is_active`   | bool  | (1, T)              | False for padding of the tokens          |
| `token_index`       | int64 | (r, c)              | token of each patch, T where it has none |

Outputs are `correction` (1, 2, kr, kc), `weights` (1, K, ..), `colour` (1, 3, ..) and `log_scale`
(1, 1, ..), see `drive.PredictionTensors`. `EncodeReference` takes `patches` and `patch_positions`
of all N patches of a frame and returns `reference_tokens`.
"""

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from siammcvae_core.model.drive import DriveMCVAE


class EncodeReference(nn.Module):
    """Encodes an intact frame."""

    def __init__(self, model: DriveMCVAE) -> None:
        super().__init__()
        self.encoder = model.encoder

    def forward(self, patches: Tensor, patch_positions: Tensor) -> Tensor:
        """Encode all patches of a frame to `reference_tokens` (1, N, D')."""
        return self.encoder.encode(patches, patch_positions)


class RestoreCrop(nn.Module):
    """Predicts the damaged part of a frame."""

    def __init__(self, model: DriveMCVAE) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        reference_tokens: Tensor,
        patches: Tensor,
        patch_positions: Tensor,
        patch_is_visible: Tensor,
        features: Tensor,
        inside_frame: Tensor,
        reference_index: Tensor,
        patch_index: Tensor,
        crop_index: Tensor,
        token_is_active: Tensor,
        token_index: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Predict correction, weights, colour and log scale of every cell of the crop."""
        model = self.model
        u1 = reference_tokens.index_select(1, reference_index)  # (1, T, D')
        u2 = model.encoder.encode(patches, patch_positions, patch_is_visible)  # (1, V, D')
        u2 = torch.cat([u2, model.mask_token.expand(1, 1, -1)], 1).index_select(1, patch_index)
        cells = model.stem.crop(features, inside_frame)  # (1, c, k r, k c)
        cell_tokens = model.cell_tokens(cells).index_select(1, crop_index)
        decoded, mean, log_var = model.decode(u1, u2, cell_tokens, token_is_active)
        decoded = F.pad(decoded, (0, 0, 0, 1))  # (1, T + 1, ..): a row of zeros for no token
        decoded = decoded.index_select(1, token_index.flatten())  # (1, r * c, ..)
        rows, columns = token_index.shape
        cell_map = model.to_cell_map(decoded, (rows, columns))
        prediction = model.predict(cells, cell_map, mean, log_var)
        return prediction.correction, prediction.weights, prediction.colour, prediction.log_scale
