# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Phase congruency by log-Gabor filters (Kovesi 1999): the measure of features in FSIM.

With A_n and d_n the amplitude and deviation from the mean phase of scale n, T the energy of noise,

    P = sum over orientations of max(0, sum_n A_n (cos d_n - |sin d_n|) - T) / sum of all A_n

and the gain of a filter of centre frequency f0 at frequency f is exp(-log(f / f0)^2 / (2 log(b)^2))
times that of its direction. A filter is a ring of wavelengths times a wedge of directions, one-
sided in frequency, so that its complex response holds the even and the odd part. Rings and wedges
are stored separately: S + O planes instead of S * O.
"""

from collections.abc import Callable, Iterator
import math

import cv2
import numpy as np

SCALES = 4
SHORTEST = 6.0  # wavelength in px of the finest ring; each next one is twice as long
CUTOFF, ORDER = 0.45, 15  # Butterworth low-pass that removes the corners of the spectrum
NOISE_DEVIATIONS = 2.0  # of noise energy above its mean: up to there nothing counts as a feature
TINY = 1e-6  # grey levels; avoids division by zero in flat pictures


class LogGabor:
    """The filters for planes of one size = (H, W).

    `bandwidth` is the radial deviation over the centre frequency; `wedge` maps the angle from a
    filter's direction, 0 to pi, to its gain there.
    """

    def __init__(
        self,
        size: tuple[int, int],
        orientations: int,
        bandwidth: float,
        wedge: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        vertical, horizontal = (_frequencies(side) for side in size)
        radius = np.hypot(vertical[:, None], horizontal)  # (H, W)
        theta = np.arctan2(-vertical[:, None], horizontal)
        low_pass = 1 / (1 + (radius / CUTOFF) ** (2 * ORDER))
        radius[0, 0] = 1  # its gain is set to 0 below
        wavelengths = [SHORTEST * 2**scale for scale in range(SCALES)]
        log_ratio = np.log(np.stack([radius * length for length in wavelengths]))
        rings = np.exp(-(log_ratio**2) / (2 * math.log(bandwidth) ** 2)) * low_pass
        rings[:, 0, 0] = 0
        self.rings = rings.astype(np.float32)  # (S, H, W)
        directions = [math.pi * index / orientations for index in range(orientations)]
        turns = (np.abs((theta - angle + math.pi) % math.tau - math.pi) for angle in directions)
        self.wedges = np.stack([wedge(turn) for turn in turns]).astype(np.float32)  # (O, H, W)

    def responses(self, plane: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield, per orientation, energy (H, W) and amplitudes (S, H, W) of float64 `plane`.

        Energy is the sum over scales of amplitude * (cos d - |sin d|), d the deviation from the
        mean phase; all of it is float32 in grey levels. The amplitudes are overwritten by the next
        step.
        """
        # The filters block the mean; in float32 traces of it would remain, even in flat pictures.
        centred = (plane - plane.mean()).astype(np.float32)
        spectrum = _complex(cv2.dft(centred, flags=cv2.DFT_COMPLEX_OUTPUT))
        bands = spectrum * self.rings  # (S, H, W)
        # Buffers are reused: to allocate planes of this size costs more than to fill them.
        parts, work, total = np.empty_like(bands), np.empty_like(bands[0]), np.empty_like(bands[0])
        amplitudes = np.empty(bands.shape, np.float32)
        for wedge in self.wedges:
            for band, part, amplitude in zip(bands, parts, amplitudes, strict=True):
                np.multiply(band, wedge, out=work)
                cv2.idft(_pairs(work), dst=_pairs(part), flags=cv2.DFT_SCALE)
                np.abs(part, out=amplitude)
            parts.sum(axis=0, out=total)
            energy = np.abs(total)
            across = np.zeros_like(energy)
            np.conj(total, out=total)
            for part in parts:
                across += np.abs(np.multiply(part, total, out=work).imag)
            energy -= across / (energy + TINY)
            yield energy, amplitudes


def noise_threshold(rayleigh: float) -> float:
    """Compute T = r (sqrt(pi / 2) + 2 sqrt(2 - pi / 2)) of a Rayleigh parameter r."""
    return rayleigh * (math.sqrt(math.pi / 2) + NOISE_DEVIATIONS * math.sqrt(2 - math.pi / 2))


def _frequencies(side: int) -> np.ndarray:
    """Cycles per px in FFT order; odd sides reach ±0.5 too, as in the reference code."""
    return np.fft.fftfreq(side) * side / (side - side % 2)


def _complex(pairs: np.ndarray) -> np.ndarray:
    return pairs.view(np.complex64)[..., 0]


def _pairs(plane: np.ndarray) -> np.ndarray:
    return plane.view(np.float32).reshape(*plane.shape, 2)
