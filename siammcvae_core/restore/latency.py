# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long the model takes on this machine, so that it is not asked for more than there is time."""

SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)  # lost shares of a frame; the cost grows with them
NEWEST = 0.3  # weight of the newest time in the running mean
FORGIVEN = 0.99  # of the expectation, each time it kept the model from being asked


class LatencyEstimate:
    """Expects what was seen: a running mean of seconds a view for every range of lost shares.

    Where nothing was seen the model is tried. An expectation that keeps it from being tried fades,
    so that a machine that was busy for a while is found to be free again.
    """

    def __init__(self) -> None:
        self._means = [0.0] * len(SHARES)

    def expected(self, share: float) -> float:
        """Expect so many seconds for a lost share in [0, 1]; 0 if nothing like it was seen."""
        return self._means[_range(share)]

    def learn(self, share: float, seconds: float) -> None:
        """Take in that a frame with a lost share took so long."""
        number = _range(share)
        before = self._means[number]
        self._means[number] = before + NEWEST * (seconds - before) if before else seconds

    def forgive(self, share: float) -> None:
        """Let the expectation for a lost share fade a little."""
        self._means[_range(share)] *= FORGIVEN


def _range(share: float) -> int:
    return next((n for n, most in enumerate(SHARES) if share <= most), len(SHARES) - 1)
