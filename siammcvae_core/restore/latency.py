# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long the model takes on this machine, so that it is not run where there is no time for it."""

SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)  # lost shares of a frame; the cost grows with them
NEWEST_WEIGHT = 0.3  # of the newest time in the running mean
DECAY = 0.99  # factor on an estimate each time it kept the model from being run


class LatencyEstimate:
    """A running mean of the model's seconds per call, for each range of lost shares.

    A range without a measurement is estimated at 0 s, so the model is tried. An estimate that keeps
    the model from being run decays, so that a machine that was busy for a while is tried again.
    """

    def __init__(self) -> None:
        self._means = [0.0] * len(SHARES)

    def expected(self, share: float) -> float:
        """Return the seconds expected for a lost share in [0, 1]; 0 without a measurement."""
        return self._means[_range(share)]

    def update(self, share: float, seconds: float) -> None:
        """Add a measurement: a frame with this lost share took `seconds`."""
        number = _range(share)
        before = self._means[number]
        self._means[number] = before + NEWEST_WEIGHT * (seconds - before) if before else seconds

    def decay(self, share: float) -> None:
        """Lower the estimate for a lost share a little."""
        self._means[_range(share)] *= DECAY


def _range(share: float) -> int:
    return next((n for n, most in enumerate(SHARES) if share <= most), len(SHARES) - 1)
