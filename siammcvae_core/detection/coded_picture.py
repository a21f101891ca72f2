# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A picture of a stream as it came, and what is known to be missing of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CodedPicture:
    """One picture as it came: `data` is Annex B or JPEG, b'' if nothing of it came.

    `stamp` is when it is to be shown, ns, None where nothing came that would tell. `lost` says that
    packets of it are missing; `cut` are the numbers of its NAL units, from 0, whose end is missing;
    `gap`: packets before it are missing, whole pictures perhaps.
    """

    data: bytes
    stamp: int | None
    lost: bool = False
    cut: tuple[int, ...] = ()
    gap: bool = False
