# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Patches against Algorithm 1 worked by hand: N = 4, integer rows."""

import pytest
import torch
from torch import Tensor

from siammcvae_core.errors import InputError
from siammcvae_core.model import patches as p

CLS, FILL = -1, 99
N = 4


def mask(*lost: int) -> Tensor:
    """Build the mask (1, 4) of the paper's 1-based set P."""
    return torch.tensor([[i in lost for i in range(1, N + 1)]])


def rows(*values: int) -> Tensor:
    """Rows of two equal integers each, (1, len, 2)."""
    return torch.tensor(values)[None, :, None].repeat(1, 1, 2)


CASES = [
    # P, visible rows, cls + scattered U2 + mask token, merged G of X2 = 1..4 and O = 11..14
    ((2, 4), (1, 3), (CLS, 1, FILL, 3, FILL), (1, 12, 3, 14)),
    ((), (1, 2, 3, 4), (CLS, 1, 2, 3, 4), (1, 2, 3, 4)),
    ((1, 2, 3, 4), (), (CLS, FILL, FILL, FILL, FILL), (11, 12, 13, 14)),
    ((1,), (2, 3, 4), (CLS, FILL, 2, 3, 4), (11, 2, 3, 4)),
    ((4,), (1, 2, 3), (CLS, 1, 2, 3, FILL), (1, 2, 3, 14)),
]


@pytest.mark.parametrize(('lost', 'visible', 'spread', 'merged'), CASES)
def test_algorithm_1_by_hand(
    lost: tuple[int, ...],
    visible: tuple[int, ...],
    spread: tuple[int, ...],
    merged: tuple[int, ...],
) -> None:
    all_patches = rows(1, 2, 3, 4)
    taken = p.take_visible(all_patches, *p.visible_index(mask(*lost)))
    assert taken.tolist() == rows(*visible).tolist()

    tokens = torch.cat([rows(CLS), taken], 1)
    full = p.spread_visible(tokens, mask(*lost), torch.tensor([FILL, FILL]))
    assert full.tolist() == rows(*spread).tolist()

    decoded = rows(CLS, 11, 12, 13, 14)[:, 1:]
    assert p.merge(all_patches, decoded, mask(*lost)).tolist() == rows(*merged).tolist()


def test_a_batch_of_unequal_masks_is_filled_up_and_spread_back() -> None:
    lost = torch.cat([mask(2, 4), mask(1, 2, 3), mask(1, 2, 3, 4), mask(3)])
    index, valid = p.visible_index(lost)
    taken = p.take_visible(rows(1, 2, 3, 4).expand(4, -1, -1), index, valid)
    assert taken[..., 0].tolist() == [[1, 3, 0], [4, 0, 0], [0, 0, 0], [1, 2, 4]]
    assert valid is not None
    assert valid.sum(1).tolist() == [2, 1, 0, 3]

    tokens = torch.cat([rows(CLS).expand(4, -1, -1), taken], 1)
    full = p.spread_visible(tokens, lost, torch.tensor([FILL, FILL]))
    assert full[..., 0].tolist() == [
        [CLS, 1, FILL, 3, FILL],
        [CLS, FILL, FILL, FILL, 4],
        [CLS, FILL, FILL, FILL, FILL],
        [CLS, 1, 2, FILL, 4],
    ]


def test_filled_up_rows_hold_nothing_of_the_lost_ones() -> None:
    lost = torch.cat([mask(2, 4), mask()])
    poisoned = rows(1, 2, 3, 4).float().repeat(2, 1, 1)
    poisoned[0, [1, 3]] = torch.nan
    assert p.take_visible(poisoned, *p.visible_index(lost)).isfinite().all()


def test_equal_counts_need_no_fill() -> None:
    index, valid = p.visible_index(torch.cat([mask(2, 4), mask(1, 3)]))
    assert valid is None
    assert index.tolist() == [[0, 2], [1, 3]]


def test_patchify_order_and_inverse() -> None:
    frame = torch.arange(3 * 4 * 6).reshape(1, 3, 4, 6)
    cut = p.patchify(frame, 2)
    assert cut.shape == (1, 6, 12)
    # Second patch of the first row: pixels (0, 2) (0, 3) (1, 2) (1, 3), each with its channels.
    assert cut[0, 1].tolist() == [2, 26, 50, 3, 27, 51, 8, 32, 56, 9, 33, 57]
    assert p.grid_of(frame, 2) == (2, 3)
    assert torch.equal(p.unpatchify(cut, (2, 3)), frame)


@pytest.mark.parametrize(
    ('shape', 'named'),
    [((1, 3, 30, 32), '32x30'), ((1, 3, 0, 16), '16x0'), ((1, 1, 16, 16), '(1, 1, 16, 16)'),
     ((3, 16, 16), '(3, 16, 16)')],
)  # fmt: skip
def test_frames_that_do_not_fit_are_refused(shape: tuple[int, ...], named: str) -> None:
    with pytest.raises(InputError) as error:
        p.patchify(torch.zeros(shape), 16)
    assert named in str(error.value)


@pytest.mark.parametrize('lost', [torch.zeros(2, 4), torch.zeros(2, 5, dtype=torch.bool)])
def test_masks_that_do_not_fit_are_refused(lost: Tensor) -> None:
    with pytest.raises(InputError, match=r'\(2, 4\)'):
        p.check_lost(lost, 2, 4)
