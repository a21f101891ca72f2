# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network that loses packets: independently or in bursts, out of order, over real sockets.

Bursts follow Gilbert and Elliott: in the good state every packet comes, in the bad one none.

    P(good -> bad) = rate / (burst * (1 - rate))        P(bad -> good) = 1 / burst
"""

import socket

import numpy as np

from siammcvae_core.errors import InputError


class PacketLoss:
    """Decides which packets are lost; the same seed loses the same ones.

    rate: share of packets lost, 0 to below 1. burst: packets that a loss lasts on average, from 1
    on; at 1 losses are independent. Raises InputError for others.
    """

    def __init__(self, rate: float, burst: float = 1.0, seed: int = 0) -> None:
        if not 0 <= rate < 1:
            raise InputError(f'share of lost packets must be from 0 to below 1, got {rate}')
        if not burst >= 1:
            raise InputError(f'a burst lasts 1 packet or more, got {burst}')
        self._rate, self._burst = rate, burst
        self._rng = np.random.default_rng(seed)
        self._bad = False

    def lose(self) -> bool:
        """Tell whether the next packet is lost."""
        if self._burst == 1:
            return bool(self._rng.random() < self._rate)
        turn = 1 / self._burst if self._bad else self._rate / (self._burst * (1 - self._rate))
        if self._rng.random() < turn:
            self._bad = not self._bad
        return self._bad


class LossyRelay:
    """Passes datagrams on to a UDP address, less those that are lost.

    reorder: share of the packets that are held back until `delay` others have been sent.
    """

    def __init__(
        self,
        to: tuple[str, int],
        loss: PacketLoss,
        reorder: float = 0.0,
        delay: int = 3,
        seed: int = 0,
    ) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to, self._loss = to, loss
        self._reorder, self._delay = reorder, delay
        self._rng = np.random.default_rng(seed)
        self._held: list[tuple[int, bytes]] = []
        self._sent = self.lost = 0

    def send(self, datagram: bytes) -> None:
        """Send a datagram, or lose it, or hold it back."""
        if self._loss.lose():
            self.lost += 1
        elif self._reorder and self._rng.random() < self._reorder:
            self._held.append((self._sent + self._delay, datagram))
        else:
            self._pass_on(datagram)
        while self._held and self._held[0][0] <= self._sent:
            self._pass_on(self._held.pop(0)[1])

    def close(self) -> None:
        """Send what is held back, and close the socket."""
        for _, datagram in self._held:
            self._pass_on(datagram)
        self._socket.close()

    def _pass_on(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self._to)
        self._sent += 1
