# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Night from day: what a camera would have taken of the same drive with far less light."""

import numpy as np

EXPOSURE = 0.02, 0.3
"""Least and greatest share of the light that is left, drawn log-uniformly."""
CONTRAST = 1.0, 1.5
"""Least and greatest exponent of the light: by night, shadows are darker still than lamps."""
WELL = 1e4, 1e5
"""Least and greatest number of photons at white, drawn log-uniformly: small and large pixels."""
READ = 3.0
"""Standard deviation of the read noise in photons."""
FINE = 1 << 16
"""Steps of light that are told apart."""


def darken(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Darken the frames of a sample, uint8 (T, H, W, 3), all alike; the noise differs by frame.

    With v the light of a pixel as a share of white, after sRGB's curve s, v = s⁻¹(pixel / 255),

        x = e vᵞ,    y = x + √(x / w + (r / w)²) n,    pixel' = 255 s(y)

    exposure e, contrast γ and photons at white w are drawn once; n is standard normal, drawn for
    every pixel, channel and frame: the noise of photons and that of reading them out.
    """
    exposure, well = (np.exp(rng.uniform(*np.log(span))) for span in (EXPOSURE, WELL))
    levels = np.arange(256) / 255
    light = exposure * _linear(levels) ** rng.uniform(*CONTRAST)
    noise = np.sqrt(light / well + (READ / well) ** 2)
    light, noise = (FINE * table.astype(np.float32) for table in (light, noise))
    curve = np.round(255 * _curved((np.arange(FINE) + 0.5) / FINE)).astype(np.uint8)
    dark = np.empty_like(frames)
    for frame, out in zip(frames, dark, strict=True):
        seen = rng.standard_normal(frame.shape, np.float32)
        seen *= noise[frame]
        seen += light[frame]
        np.take(curve, np.clip(seen, 0, FINE - 1, out=seen).astype(np.uint16), out=out)
    return dark


def _linear(values: np.ndarray) -> np.ndarray:
    """Undo sRGB's curve (IEC 61966-2-1), from and to [0, 1]."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _curved(light: np.ndarray) -> np.ndarray:
    """Apply sRGB's curve to light, from and to [0, 1]."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
