# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A frame after restoration, and the methods by which it can be restored."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial

import numpy as np


class RestoreMethod(str, Enum):
    """The methods of the fallback chain, best first."""

    MODEL = 'model'
    WARP = 'warp'
    COPY = 'copy'
    PASS = 'pass'


@dataclass(frozen=True, eq=False)
class RestoredFrame:
    """A frame after restoration.

    `frame` has the shape and dtype of the input and is the input itself when nothing was replaced;
    the next restoration may start from it: do not write to it. `mask`, bool (H, W), marks the
    replaced pixels. `method` is the one that served. `reference_age` is in seconds since the last
    intact frame, None without one. `reason` says in snake_case why a method below the best
    configured one served, '' if the best did: `no_reference`, `reference_too_old`,
    `reference_size`, `one_reference`, `deadline`, `engine_error`; `detail` says it in a sentence.
    `both_sides` says that frames after it helped, as in recordings. `uncertainty()` computes the
    expected absolute error in grey levels, float32 (H, W), 0 where intact, 255 where a lost pixel
    was passed through.
    """

    frame: np.ndarray
    mask: np.ndarray
    method: RestoreMethod
    reference_age: float | None
    reason: str
    detail: str
    uncertainty: Callable[[], np.ndarray]
    both_sides: bool = False


def passed_through(
    frame: np.ndarray,
    lost: np.ndarray,
    reference_age: float | None = None,
    reason: str = '',
    detail: str = '',
) -> RestoredFrame:
    """Return the input unchanged; its lost pixels, bool (H, W), can have any value."""
    unknown = partial(np.multiply, lost, 255, dtype=np.float32)
    nothing = np.zeros_like(lost)
    return RestoredFrame(frame, nothing, RestoreMethod.PASS, reference_age, reason, detail, unknown)
