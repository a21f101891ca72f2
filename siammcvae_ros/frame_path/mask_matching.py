# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs fault masks with frames by stamp, within a bounded wait, and never loses a frame.

Plain Python; stamps are integers (nanoseconds), `now` is seconds on any steady clock.
"""

from collections import deque, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

Item = TypeVar('Item')
Mask = TypeVar('Mask')


class MaskMode(str, Enum):
    """Which mask a frame gets."""

    PER_FRAME = 'per_frame'
    LATCHED = 'latched'
    OFF = 'off'


@dataclass(frozen=True)
class Match(Generic[Item, Mask]):
    """A frame that leaves the matcher; `mask` is None if it has none."""

    item: Item
    mask: Mask | None


@dataclass
class MaskCounts:
    """Counts of the masks received; `unused_damaged` are those unused that were not empty."""

    received: int = 0
    matched: int = 0
    late: int = 0
    duplicate: int = 0
    unused: int = 0
    unused_damaged: int = 0


@dataclass(frozen=True)
class _Waiting(Generic[Item]):
    stamp: int
    item: Item
    since: float


@dataclass(frozen=True)
class _Stored(Generic[Mask]):
    """A mask without a frame; `frames` had come before it, `damaged` if one may go out intact."""

    mask: Mask
    damaged: bool
    frames: int


class MaskMatcher(Generic[Item, Mask]):
    """Pairs frames with masks; every frame leaves exactly once, in order of arrival.

    `per_frame`: a frame leaves with the mask whose stamp differs by at most `slop` nanoseconds. It
    waits at most `wait` seconds for it, and only while `expected` is true (somebody publishes
    masks); a mask for a later frame ends the wait of all earlier ones. Masks that come before their
    frame under one stamp are united by `unite(earlier, later)`. `latched`: the last mask holds for
    every frame until the next one. `off`: no frame has a mask.

    While `stamps_advance` is false, a mask without a waiting frame belongs to the next frame of its
    stamp: which of those that have left it may have meant cannot be known.
    """

    MASK_CAPACITY = 16
    FRAME_CAPACITY = 4
    HISTORY = 256  # frames that have left, to which a late mask may belong

    def __init__(
        self,
        mode: MaskMode = MaskMode.PER_FRAME,
        wait: float = 0.0,
        slop: int = 0,
        unite: Callable[[Mask, Mask], Mask] = lambda earlier, later: later,
    ) -> None:
        self.mode = mode
        self.wait = wait
        self.slop = slop
        self.expected = False
        self.counts = MaskCounts()
        self._unite = unite
        self._frames = 0
        self._masks: OrderedDict[int, _Stored[Mask]] = OrderedDict()
        self._waiting: deque[_Waiting[Item]] = deque()
        self.stamps_advance = True
        self._matched: deque[tuple[int, int]] = deque(maxlen=self.HISTORY)  # mask, frame
        self._left_without: deque[int] = deque(maxlen=self.HISTORY)
        self._latched: Mask | None = None

    @property
    def deadline(self) -> float | None:
        """The time at which `expire` has something to do; None while no frame waits."""
        return self._waiting[0].since + self.wait if self._waiting else None

    def frame(self, stamp: int, item: Item, now: float) -> list[Match[Item, Mask]]:
        """Take in a frame; return the frames that leave now, this one last if it is among them."""
        if self.mode is MaskMode.OFF:
            return [Match(item, None)]
        if self.mode is MaskMode.LATCHED:
            return [Match(item, self._latched)]
        self._frames += 1
        key = self._nearest(stamp, self._masks)
        if key is not None:
            self.counts.matched += 1
            self._matched.append((key, stamp))
            mask = self._masks.pop(key).mask
            self._discard_passed(stamp)
            return [*self.flush(), Match(item, mask)]
        self._discard_passed(stamp)
        if not self.expected or self.wait <= 0.0:
            earlier = self.flush()
            self._left_without.append(stamp)
            return [*earlier, Match(item, None)]
        self._waiting.append(_Waiting(stamp, item, now))
        return [self._release()] if len(self._waiting) > self.FRAME_CAPACITY else []

    def mask(
        self, stamp: int, mask: Mask, damaged: bool = True
    ) -> tuple[list[Match[Item, Mask]], int | None]:
        """Take in a mask, `damaged` unless it is empty; return the frames that leave now.

        Also return the stamp of the frame that has left already, without this mask or with an
        earlier one of the same stamp; None if there is none.
        """
        self.counts.received += 1
        self.expected = True
        if self.mode is MaskMode.LATCHED:
            self._latched = mask
            self.counts.matched += 1
            return [], None
        waiting = self._nearest(stamp, (w.stamp for w in self._waiting))
        if waiting is not None:
            earlier = list(self._release_until(waiting))
            self.counts.matched += 1
            self._matched.append((stamp, waiting))
            return [*earlier, Match(self._waiting.popleft().item, mask)], None
        late = self._nearest(stamp, self._left_without) if self.stamps_advance else None
        repeated = dict(self._matched).get(stamp) if self.stamps_advance else None
        self.counts.late += late is not None
        self.counts.duplicate += repeated is not None or stamp in self._masks
        # Stored even so: when stamps go back, the first mask of the new run precedes its frame.
        late = repeated if late is None else late
        damaged = damaged and late is None
        stored = self._masks.pop(stamp, None)
        if stored is not None and self.stamps_advance:
            mask, damaged = self._unite(stored.mask, mask), damaged or stored.damaged
        self._masks[stamp] = _Stored(mask, damaged, self._frames)
        if len(self._masks) > self.MASK_CAPACITY:
            self._discard(next(iter(self._masks)))
        return [], late

    def expire(self, now: float) -> list[Match[Item, Mask]]:
        """Return the frames that have waited for `wait` seconds, without a mask."""
        out = []
        while self.deadline is not None and self.deadline <= now:
            out.append(self._release())
        return out

    def flush(self) -> list[Match[Item, Mask]]:
        """Return every waiting frame, without a mask."""
        return [self._release() for _ in range(len(self._waiting))]

    def restart(self) -> list[Match[Item, Mask]]:
        """Start over after stamps went back (a bag loops); returns all waiting frames.

        Masks not used yet stay, since the first mask of the new run may precede its frame.
        """
        out = self.flush()
        self._matched.clear()
        self._left_without.clear()
        return out

    def _discard_passed(self, stamp: int) -> None:
        """Discard masks whose frames would have come before the one of this stamp."""
        for mask_stamp, stored in list(self._masks.items()):
            passed = mask_stamp + self.slop < stamp
            enough = self.MASK_CAPACITY if passed else self.HISTORY
            if self._frames - stored.frames >= enough:
                self._discard(mask_stamp)

    def _discard(self, mask_stamp: int) -> None:
        stored = self._masks.pop(mask_stamp)
        self.counts.unused += 1
        self.counts.unused_damaged += stored.damaged

    def _release(self) -> Match[Item, Mask]:
        first = self._waiting.popleft()
        self._left_without.append(first.stamp)
        return Match(first.item, None)

    def _release_until(self, stamp: int) -> Iterator[Match[Item, Mask]]:
        while self._waiting[0].stamp != stamp:
            yield self._release()

    def _nearest(self, stamp: int, stamps: Iterable[int]) -> int | None:
        near = min(stamps, key=lambda s: abs(s - stamp), default=None)
        return near if near is not None and abs(near - stamp) <= self.slop else None
