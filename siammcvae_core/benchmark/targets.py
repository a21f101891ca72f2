# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Targets for the drive model's speed, and whether measurements meet them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from siammcvae_core.evaluate.plan import spec_of

SIZE, LARGE = '640x368', '1280x720'
SCATTERED, BAND, WHOLE = 'random:0.75', 'band:0.25', 'full'
LITTLE, LITTLE_APART = 'block:0.05', 'random:0.05'
FIRST = 'torch_float32'
RIVAL = 'visible_flow'
FASTER, QUARTER, TWENTIETH, LARGER = 1.8, 0.45, 0.25, 1.5

Row = Mapping[str, Any]


class Target(NamedTuple):
    """What is compared, its target, what was measured, and whether the target is met."""

    what: str
    target: str
    measured: str
    met: bool


class Rows:
    """Rows of one camera, looked up by method, size and damage."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {
            (row['method'], row['size'], spec_of(row['mask'], row['ratio'])): row
            for row in rows
            if row['cameras'] == 1
        }

    def find(self, method: str, size: str, mask: str) -> Row | None:
        """Look a row up, None if it was not timed."""
        return self._rows.get((method, size, mask))

    def best(self) -> str | None:
        """Name the fastest library that agrees with the first, on scattered damage."""
        agreeing = [
            row
            for (_, size, mask), row in self._rows.items()
            if row['profile'] and row['agrees'] and (size, mask) == (SIZE, SCATTERED)
        ]
        return min(agreeing, key=lambda row: row['p50_ms'])['method'] if agreeing else None


def targets(all_rows: Sequence[Row]) -> Iterator[Target]:
    """Yield every target whose rows were timed."""
    rows = Rows(all_rows)
    best = rows.best()
    if best is None:
        return
    hard = rows.find(best, SIZE, SCATTERED)
    first = rows.find(FIRST, SIZE, SCATTERED)
    rival = rows.find(RIVAL, SIZE, SCATTERED)
    whole = rows.find(best, SIZE, WHOLE)
    large = rows.find(best, LARGE, SCATTERED)
    if hard and first:
        ratio = first['network_ms'] / hard['network_ms']
        yield Target(
            f'network of {best} against {FIRST}, {SIZE}, {SCATTERED}', f'≥ {FASTER} × faster',
            f'{ratio:.2f} × (whole restoration {first["p50_ms"] / hard["p50_ms"]:.2f} ×)',
            ratio >= FASTER,
        )  # fmt: skip
        yield Target(
            f'what {best} restores, off {FIRST}', 'mean ≤ 0.1, 99.9 % ≤ 2 grey levels',
            f'{hard["off_mean"]:.3f}, {hard["off_top"]:.0f}', hard['agrees'],
        )  # fmt: skip
    for mask, bound in ((BAND, QUARTER), (LITTLE, TWENTIETH), (LITTLE_APART, TWENTIETH)):
        part = rows.find(best, SIZE, mask)
        if part and whole:
            yield _ratio(f'{best}, {SIZE}, {mask} against {WHOLE}', part, whole, bound)
    if hard and rival:
        yield _ratio(f'{best} against {RIVAL}, {SIZE}, {SCATTERED}', hard, rival, 1.0)
        gain = hard['psnr_lost'] - rival['psnr_lost']
        yield Target('their PSNR of lost pixels', 'higher', f'{gain:+.2f} dB', gain > 0)
    if hard and large:
        yield _ratio(f'{best}, {SCATTERED}, {LARGE} against {SIZE}', large, hard, LARGER)


def _ratio(what: str, one: Row, other: Row, bound: float) -> Target:
    ratio = one['p50_ms'] / other['p50_ms']
    measured = f'{ratio:.2f} × ({one["p50_ms"]:.0f} ms, {other["p50_ms"]:.0f} ms)'
    return Target(what, f'p50 ≤ {bound:g} ×', measured, ratio <= bound)
