# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The engine of the drive model: evidence and blending in NumPy, the network in PyTorch."""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from siammcvae_core.engines import Made
from siammcvae_core.evidence.blending import Answer, blend, expected_error
from siammcvae_core.evidence.gather import gather
from siammcvae_core.model.checkpoint import load_model, sha256
from siammcvae_core.model.drive import DriveMCVAE, patch_sources, Reply
from siammcvae_core.model.pixels import normalise
from siammcvae_core.model.profiles import DriveProfile
from siammcvae_core.motion import References, to_working


class DriveEngine:
    """The drive model from a weights file, on `device`, mixed precision unless `dtype` is float32.

    It works at the working size of `motion`; its answer is carried out at native size. Raises
    `WeightsError` for a file that cannot serve.
    """

    references = 2

    def __init__(
        self, weights: Path, device: str = 'cpu', dtype: torch.dtype = torch.float32
    ) -> None:
        self._model = load_model(weights, DriveMCVAE, DriveProfile).to(device)
        self._device = torch.device(device)
        self._dtype = dtype
        self.patch = self._model.profile.patch
        self._described = {
            'name': 'torch',
            'profile': self._model.profile.name,
            'weights': weights.name,
            'sha256': sha256(weights),
            'device': device,
            'dtype': str(dtype).removeprefix('torch.'),
            'version': torch.__version__,
        }

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs."""
        return dict(self._described)

    @torch.inference_mode()
    def encode_reference(self, frame: np.ndarray) -> Tensor:
        """Encode an intact frame to tokens (1, N, D')."""
        with self._precision():
            return self._model.encode_reference(self._to_network(to_working(frame)))

    @torch.inference_mode()
    def restore(
        self, references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> Made:
        """Restore a frame; raises ValueError without two kept frames of different stamps."""
        known = gather(references, frame, mask, stamp)
        newest = references.frames[0]
        encoded = newest.encoded
        if encoded is None:
            encoded = self.encode_reference(newest.frame)
        visible = cv2.copyTo(frame, (~mask).view(np.uint8))  # zero where lost
        lost = lost_patches(mask, known.offset.shape[:2])
        offset = torch.from_numpy(known.offset).permute(2, 0, 1)[None]  # (1, 2, h, w)
        with self._precision():
            reply = self._model.restore(
                encoded,
                self._to_network(to_working(visible)),
                torch.from_numpy(known.channels)[None].to(self._device),
                patch_sources(offset, self.patch).to(self._device),
                torch.from_numpy(lost).reshape(1, -1).to(self._device),
            )
        answer = _to_answer(reply)
        return Made(blend(references, known, answer, mask), partial(expected_error, answer, mask))

    def _precision(self) -> torch.autocast:
        half = self._dtype != torch.float32
        return torch.autocast(self._device.type, self._dtype if half else None, enabled=half)

    def _to_network(self, frame: np.ndarray) -> Tensor:
        code = cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB
        rgb = torch.from_numpy(cv2.cvtColor(frame, code)).to(self._device)
        return normalise(rgb.permute(2, 0, 1)[None])  # (1, 3, H, W)


def lost_patches(mask: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """Tell which patches of 4 x 4 cells a lost pixel, bool (H, W), reaches; bool (rows, columns).

    `cells` counts the rows and columns of cells.
    """
    height, width = 4 * cells[0], 4 * cells[1]
    reached = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    patches: np.ndarray = (reached > 0).reshape(height // 16, 16, width // 16, 16).any((1, 3))
    return patches


def _to_answer(reply: Reply) -> Answer:
    correction, weights, colour, log_scale = (
        plane[0].float().cpu().numpy()
        for plane in (reply.correction, reply.weights, reply.colour, reply.log_scale)
    )
    return Answer(correction, weights, colour, log_scale[0])
