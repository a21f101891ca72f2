# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trained models of frame sequences as restorers, called as the other methods are."""

from functools import partial
import math
from pathlib import Path

import cv2
import numpy as np
import torch

from siammcvae_core.baselines.ode2_facvae import Imputed, Ode2FacVAE
from siammcvae_core.baselines.ode2_profile import Ode2Profile
from siammcvae_core.engines import Restoration
from siammcvae_core.engines.torch import lost_patches, resize
from siammcvae_core.model.checkpoint import load_model
from siammcvae_core.model.pixels import denormalise, normalise, STD
from siammcvae_core.motion.references import References

ABSOLUTE = math.sqrt(2 / math.pi)  # mean absolute error of a Gaussian of deviation 1


class SequenceImputer:
    """Ode2-FacVAE from a weights file, on `device`, in float32.

    Frames are brought to the size of its profile and back. Raises `WeightsError` for a file that
    cannot be used.
    """

    name = Ode2Profile.system

    def __init__(self, weights: Path, device: str = 'cpu') -> None:
        self._network = load_model(weights, Ode2FacVAE, Ode2Profile).to(device)
        self._device = torch.device(device)

    @torch.inference_mode()
    def restore(
        self, references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> Restoration:
        """Restore `frame` from what is seen of it and of all references, at their own times.

        See `classical` for the arguments. Returns a new frame of its size, with the expected error.
        Raises `InputError` as `Ode2FacVAE.impute` does, such as with nothing seen at all.
        """
        size = frame.shape[0], frame.shape[1]
        height, width = working = self._network.profile.size
        patch = self._network.profile.patch
        images, stamps = [frame], [stamp]
        for reference in references.frames:
            if reference.stamp not in stamps:
                images.append(reference.frame)
                stamps.append(reference.stamp)
        visible = cv2.copyTo(frame, (~mask).view(np.uint8))  # zero where lost
        rgb = [_rgb(resize(image, working)) for image in (visible, *images[1:])]
        pixels = torch.from_numpy(np.stack(rgb)).permute(0, 3, 1, 2).to(self._device)
        seen = torch.ones(len(rgb), (height // patch) * (width // patch), dtype=torch.bool)
        seen[0] = ~torch.from_numpy(lost_patches(mask, working, patch)).reshape(-1)
        times = torch.tensor([stamps], dtype=torch.float64, device=self._device)
        imputed = self._network.impute(
            times, normalise(pixels)[None], seen[None].to(self._device), times[:, :1]
        )
        shown = denormalise(imputed.frames[0, 0]).permute(1, 2, 0).cpu().numpy()
        grey = frame.ndim == 2
        shown = shown.mean(-1).round().astype(np.uint8) if grey else shown[..., ::-1].copy()
        return Restoration(resize(shown, size), partial(_expected_error, imputed, size))


def _rgb(frame: np.ndarray) -> np.ndarray:
    code = cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(frame, code)


def _expected_error(imputed: Imputed, size: tuple[int, int]) -> np.ndarray:
    """Mean absolute error per pixel, float32 (H, W) in grey levels."""
    assert imputed.error is not None  # as it is asked for above
    scale = ABSOLUTE * 255 * sum(STD) / len(STD)
    deviation = imputed.error[0, 0].cpu().numpy() * np.float32(scale)
    return cv2.resize(deviation, size[::-1])
