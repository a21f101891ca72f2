# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which recorded mask belongs to which image: by header stamp, or by order where stamps stand."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

Times = tuple[int, int]
"""Header stamp of a message, and when it was recorded, in ns."""


def pair_masks(images: Sequence[Times], masks: Sequence[Times]) -> list[int | None]:
    """Return for each image the number of its mask, None where it has none.

    An image whose stamp is set and its own gets the last mask of this stamp. Images of one stamp,
    or of stamp 0, get the masks of this stamp by their order: one each where there are as many,
    else an image gets the last one recorded before it. Images of stamp 0 without a mask of stamp 0
    share in this way the masks that belong to no other image.
    """
    image_groups, mask_groups = _by_stamp(images), _by_stamp(masks)
    spare = [number for number, (stamp, _) in enumerate(masks) if stamp not in image_groups]
    pairs: list[int | None] = [None] * len(images)
    for stamp, group in image_groups.items():
        candidates = mask_groups.get(stamp, spare if stamp == 0 else [])
        if not candidates:
            continue
        if stamp and len(group) == 1:
            pairs[group[0]] = candidates[-1]
        elif len(group) == len(candidates):
            for image, mask in zip(group, candidates, strict=True):
                pairs[image] = mask
        else:
            recorded = [masks[number][1] for number in candidates]
            for image in group:
                before = bisect_left(recorded, images[image][1])
                pairs[image] = candidates[before - 1] if before else None
    return pairs


def _by_stamp(messages: Sequence[Times]) -> dict[int, list[int]]:
    groups = defaultdict(list)
    for number, (stamp, _) in enumerate(messages):
        groups[stamp].append(number)
    return groups
