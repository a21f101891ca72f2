# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The engine of the drive model: evidence and blending in NumPy, the network in any library."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from siammcvae_core.alignment.composite import composite, expected_error
from siammcvae_core.alignment.features import AlignmentFeatures, extract_features
from siammcvae_core.engines import Restoration
from siammcvae_core.engines.crop import damaged_part, Part, whole_frame
from siammcvae_core.engines.drive_torch import TorchNetwork
from siammcvae_core.engines.network import Network
from siammcvae_core.motion.flow import to_working
from siammcvae_core.motion.references import References


class DriveEngine:
    """The drive model from a weights file, computed by what `network` makes of that file.

    It works at the working size of `motion`; its answer is carried out at native size. Threads may
    share it: the network serves one after another, the rest goes on side by side. Raises
    `WeightsError` for a file that cannot serve.
    """

    references = 2

    def __init__(self, weights: Path, network: Callable[[Path], Network] = TorchNetwork) -> None:
        self.network = network(weights)
        self.patch = self.network.patch
        self._turn = Lock()
        self.eager = self.describe()['device'].lower() != 'cpu'

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs."""
        return self.network.describe()

    def encode_reference(self, frame: np.ndarray) -> Any:
        """Encode an intact frame to tokens."""
        inputs = whole_frame(to_working(frame), self.patch)
        with self._turn:
            return self.network.encode(inputs)

    def restore(
        self, references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> Restoration:
        """Restore a frame; raises ValueError without two kept frames of different stamps."""
        known = extract_features(references, frame, mask, stamp)
        newest = references.frames[0]
        encoded = newest.encoded_by(self.encode_reference)
        part = self.part(known)
        with self._turn:
            answer = part.place(self.network.restore(encoded, part.inputs))
        error = partial(expected_error, known, answer, mask, newest.error)
        return Restoration(composite(references, known, answer, mask), error)

    def part(self, known: AlignmentFeatures) -> Part:
        """Prepare what the network is asked about a damaged frame."""
        return damaged_part(known.damaged, known.channels, known.source, known.lost)
