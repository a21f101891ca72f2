# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The PyTorch engine: SiamMCVAE at its working size, frames of any size in and out."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from siammcvae_core.engines import Restoration
from siammcvae_core.errors import FrameError
from siammcvae_core.files import sha256
from siammcvae_core.frames import format_size
from siammcvae_core.model.checkpoint import load_checkpoint
from siammcvae_core.model.pixels import denormalise, normalise
from siammcvae_core.model.siammcvae import SiamMCVAE
from siammcvae_core.motion.references import References

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class Reference:
    """An encoded intact frame: its tokens (1, 1 + N, D') and its native size."""

    tokens: Tensor
    size: Size


class TorchEngine:
    """SiamMCVAE from a weights file, on `device`, with mixed precision unless `dtype` is float32.

    Frames are resized to a working size of whole patches that keeps their aspect; its longer side
    is that of the size the weights were trained at. Raises `WeightsError` for a file that cannot
    serve.
    """

    references = 1

    def __init__(
        self, weights: Path, device: str = 'cpu', dtype: torch.dtype = torch.float32
    ) -> None:
        self._model = load_checkpoint(weights).to(device)
        self._device = torch.device(device)
        self._dtype = dtype
        self.eager = device != 'cpu'
        self._long_side = max(self._model.profile.size)
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

    @property
    def model(self) -> SiamMCVAE:
        """The network, in evaluation mode."""
        return self._model

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs."""
        return dict(self._described)

    @torch.inference_mode()
    def encode_reference(self, frame: np.ndarray) -> Reference:
        """Encode an intact frame at its working size."""
        working = resize(frame, working_size(_size(frame), self._long_side, self.patch))
        with self._precision():
            return Reference(self._model.encode_reference(self._to_network(working)), _size(frame))

    def restore(
        self, references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> Restoration:
        """Restore a frame from the newest reference."""
        encoded = references.frames[0].encoded_by(self.encode_reference)
        return Restoration(self.restore_from(encoded, frame, mask))

    @torch.inference_mode()
    def restore_from(self, reference: Reference, frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Restore a frame; raises `FrameError` 'reference_size' for a reference of another size."""
        size = _size(frame)
        if size != reference.size:
            sizes = f'{format_size(reference.size)}, the frame {format_size(size)}'
            raise FrameError('reference_size', f'the reference is {sizes}')
        working = working_size(size, self._long_side, self.patch)
        visible = cv2.copyTo(frame, (~mask).view(np.uint8))  # zero where lost
        pixels = self._to_network(resize(visible, working))
        lost = torch.from_numpy(lost_patches(mask, working, self.patch)).to(self._device)
        with self._precision():
            restored = self._model.restore(reference.tokens, pixels, lost.reshape(1, -1))
        return resize(_to_frame(restored.frame, grey=frame.ndim == 2), size)

    def _precision(self) -> torch.autocast:
        half = self._dtype != torch.float32
        return torch.autocast(self._device.type, self._dtype if half else None, enabled=half)

    def _to_network(self, frame: np.ndarray) -> Tensor:
        code = cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB
        rgb = torch.from_numpy(cv2.cvtColor(frame, code)).to(self._device)
        return normalise(rgb.permute(2, 0, 1)[None])  # (1, 3, H, W)


def working_size(size: Size, long_side: int, patch: int) -> Size:
    """Whole patches nearest to `size` scaled so that its longer side is `long_side`."""
    scale = long_side / max(size)
    height, width = (max(1, int(side * scale / patch + 0.5)) * patch for side in size)
    return height, width


def lost_patches(mask: np.ndarray, size: Size, patch: int) -> np.ndarray:
    """Tell which patches of the working `size` a lost pixel reaches when the frame is resized.

    `mask` bool (H, W); returns bool (rows, columns). The mask goes through the frame's own
    resampling: any weight it leaves, however small, is a trace of a lost pixel.
    """
    reached: np.ndarray = resize(mask.astype(np.float32), size) > 0
    rows, columns = size[0] // patch, size[1] // patch
    return np.any(reached.reshape(rows, patch, columns, patch), axis=(1, 3))


def resize(image: np.ndarray, size: Size) -> np.ndarray:
    """Resize without aliasing: averaged where both sides shrink, else interpolated."""
    if _size(image) == size:
        return image
    height, width = image.shape[:2]
    shrinks = size[0] <= height and size[1] <= width
    return cv2.resize(
        image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


def _size(image: np.ndarray) -> Size:
    return image.shape[0], image.shape[1]


def _to_frame(network: Tensor, grey: bool) -> np.ndarray:
    rgb = denormalise(network)[0].permute(1, 2, 0).cpu().numpy()  # (H, W, 3)
    if grey:
        return rgb.mean(-1).round().astype(np.uint8)
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
