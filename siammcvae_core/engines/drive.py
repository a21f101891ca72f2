# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The engine of the drive model: alignment and composite in NumPy, the network in any library."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from siammcvae_core.alignment.composite import composite, expected_error
from siammcvae_core.alignment.features import extract_features
from siammcvae_core.engines import Restoration
from siammcvae_core.engines.crop import crop_damage, frame_patches
from siammcvae_core.engines.drive_torch import TorchNetwork
from siammcvae_core.engines.network import Network
from siammcvae_core.engines.stage_timer import StageTimer
from siammcvae_core.motion.flow import to_working
from siammcvae_core.motion.references import References


class DriveEngine:
    """The drive model from a weights file, run by the `Network` that `network` builds from it.

    The network runs at the working size of `motion`, the composite at native size. Threads may
    share an engine: the network serves one at a time, everything else runs in parallel. Raises
    `WeightsError` for a file that cannot serve.
    """

    references = 2

    def __init__(self, weights: Path, network: Callable[[Path], Network] = TorchNetwork) -> None:
        self.network = network(weights)
        self.patch, self.cell = self.network.patch, self.network.cell
        self._network_lock = Lock()
        self.eager = self.describe()['device'].lower() != 'cpu'

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs."""
        return self.network.describe()

    def encode_reference(self, frame: np.ndarray) -> Any:
        """Encode an intact frame to tokens, of a type that its network knows."""
        inputs = frame_patches(to_working(frame), self.patch)
        with self._network_lock:
            return self.network.encode(inputs)

    def restore(
        self,
        references: References,
        frame: np.ndarray,
        mask: np.ndarray,
        stamp: float,
        timer: StageTimer | None = None,
    ) -> Restoration:
        """Restore a frame; raises ValueError without two references of different stamps.

        `timer` is read after each stage: features, encode (the newest reference, unless that was
        done before), crop, network, composite.
        """
        timer = timer or StageTimer()
        newest = references.frames[0]
        features = extract_features(references, frame, mask, stamp, self.cell)
        timer.lap('features')
        tokens = newest.encoded_by(self.encode_reference)
        timer.lap('encode')
        crop = crop_damage(features.damaged, features.channels, features.source, features.lost)
        timer.lap('crop')
        with self._network_lock:
            outputs = self.network.restore(tokens, crop.inputs)
            timer.lap('network')
            prediction = crop.to_frame(outputs)  # copies: outputs are overwritten by the next call
        restored = composite(references, features, prediction, mask)
        timer.lap('composite')
        error = partial(expected_error, features, prediction, mask, newest.error)
        return Restoration(restored, error)
