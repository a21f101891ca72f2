# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames of a bag with their masks, as the restorer takes them."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from siammcvae_core.data.bags import exact_pixels, ImageTopic, RecordedImage
from siammcvae_core.data.compressed_images import decode_samples
from siammcvae_core.data.encodings import to_frame
from siammcvae_core.data.image_topics import RAW
from siammcvae_core.data.masks import compressed_mask, raw_mask
from siammcvae_core.errors import FrameError, InputError
from siammcvae_core.frames import full_mask
from siammcvae_core.restore.frame_clock import FrameClock, StampFault
from siammcvae_core.restore.recordings.mask_pairing import pair_masks
from siammcvae_core.restore.recordings.sequence import MaskedFrame

AHEAD = 256  # masks with lost pixels held until their image comes

EMPTY = np.zeros((1, 1), np.uint8)
"""Stands for every mask without a lost pixel."""
Mask = np.ndarray | FrameError


class BagFrames:
    """The frames of an image topic, each with its mask where there are `masks`.

    A frame that could not be written back to the bit, or whose mask cannot be read, has an `error`
    instead of pixels. What `damaged` and `notes` say is of the last iteration.
    """

    def __init__(self, images: ImageTopic, masks: ImageTopic | None = None) -> None:
        self.images = images
        self.name = images.path.name
        self._masks = masks
        self._errors: dict[str, list[str]] = {}
        self._faults: Counter[StampFault] = Counter()
        self._unused = 0
        self._masks_topic = masks.topic if masks else ''
        self._masks_broken = ''

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.images)

    def __iter__(self) -> Iterator[MaskedFrame]:
        """Read from the first frame on; a frame's time is that of `FrameClock`."""
        self._errors, self._faults = {}, Counter()
        pairs, masks = self._pair()
        clock = FrameClock()
        for image in self.images:
            seconds, fault = clock.record(image.stamp, image.logged * 1e-9)
            if fault:
                self._faults[fault] += 1
            number = pairs[image.index] if pairs else None
            mask = None if masks is None or number is None else masks.take(number)
            yield self._frame(image, mask, seconds)

    @property
    def damaged(self) -> str:
        """What could not be read, one line; '' if all could be."""
        lines = [self._line(r) for r in self._errors if r != 'unsupported_encoding']
        if self._masks_broken not in ('', self.images.broken):
            lines.append(f'masks on {self._masks_topic}: {self._masks_broken}')
        return '; '.join([*lines, self.images.broken] if self.images.broken else lines)

    @property
    def notes(self) -> list[str]:
        """What a user should know of the frames, a line each."""
        notes = [self.images.note] if self.images.note else []
        if 'unsupported_encoding' in self._errors:
            notes.append(self._line('unsupported_encoding'))
        if self._faults:
            faults = ', '.join(f'{n} {fault.value}' for fault, n in sorted(self._faults.items()))
            notes.append(
                f'header stamps of {self.images.topic} did not advance ({faults}): ages are by the '
                'times of recording there, and masks paired by order'
            )
        if self._masks is not None and self._unused:
            notes.append(
                f'{self._unused} of {len(self._masks)} masks on {self._masks.topic} have the stamp '
                'of no image'
            )
        return notes

    def _line(self, reason: str) -> str:
        errors = self._errors[reason]
        return f'{len(errors)} frames are passed on as they are ({reason}), {errors[0]}'

    def _pair(self) -> tuple[Sequence[int | None], '_Masks | None']:
        if self._masks is None:
            return [], None
        images = [(image.stamp, image.logged) for image in self.images]
        masks, unread = [], {}
        for mask in self._masks:
            masks.append((mask.stamp, mask.logged))
            if isinstance(mask.message, FrameError):
                unread[mask.index] = mask.message
        pairs = pair_masks(images, masks)
        uses = Counter(number for number in pairs if number is not None)
        self._unused = len(masks) - len(uses)
        lines = [f'mask {number}: {unread[number]}' for number in unread if number not in uses]
        self._masks_broken = self._masks.broken or next(iter(lines), '')
        return pairs, _Masks(self._masks, uses)

    def _frame(self, image: RecordedImage, mask: Mask | None, seconds: float) -> MaskedFrame:
        try:
            if isinstance(mask, FrameError):
                raise mask
            pixels = to_frame(*exact_pixels(image))
            if mask is EMPTY:
                mask = np.zeros(pixels.shape[:2], np.uint8)
            elif mask is not None:
                full_mask(mask, pixels.shape[:2])
        except FrameError as error:
            self._errors.setdefault(error.reason, []).append(f'the first at {image.index}: {error}')
            black = np.broadcast_to(np.uint8(0), _size(image))
            lost = None if isinstance(mask, FrameError) else mask
            return MaskedFrame(image.index, image.stamp, black, lost, seconds, error)
        return MaskedFrame(image.index, image.stamp, pixels, mask, seconds)


class _Masks:
    """Reads masks in order and holds those whose image is still to come.

    `uses` counts by the number of a mask how many images have it.
    """

    def __init__(self, topic: ImageTopic, uses: Counter[int]) -> None:
        self._topic = topic
        self._uses = Counter(uses)
        self._remaining = iter(topic)
        self._held: dict[int, Mask] = {}

    def take(self, number: int) -> Mask:
        """Return a mask, EMPTY for one without a lost pixel, or why it cannot be read."""
        while number not in self._held:
            recorded = next(self._remaining, None)
            if recorded is None:
                raise InputError(f'{self._topic.topic}: {self._topic.broken or "its masks end"}')
            if self._uses[recorded.index]:
                self._held[recorded.index] = _lost(recorded)
            if sum(mask is not EMPTY for mask in self._held.values()) > AHEAD:
                raise InputError(
                    f'{self._topic.topic}: its masks come too far from their images, at stamp '
                    f'{recorded.stamp} ns'
                )
        self._uses[number] -= 1
        return self._held[number] if self._uses[number] else self._held.pop(number)


def _lost(recorded: RecordedImage) -> Mask:
    try:
        if isinstance(recorded.message, FrameError):
            raise recorded.message
        if recorded.kind == RAW:
            mask = raw_mask(recorded.message)
        else:
            mask = compressed_mask(bytes(recorded.message.data))
    except FrameError as error:
        return FrameError('mask_unreadable', f'mask {recorded.index}: {error}')
    return mask if mask.any() else EMPTY


def _size(image: RecordedImage) -> tuple[int, int]:
    """Return height and width of an image that may be of an unsupported kind; 0 if unknown."""
    message = image.message
    if isinstance(message, FrameError):
        return 0, 0
    if image.kind == RAW:
        is_whole = message.height * message.step == len(message.data)
        is_true = is_whole and message.width <= message.step
        return (message.height, message.width) if is_true else (0, 0)
    try:
        height, width = decode_samples(bytes(message.data)).shape[:2]
    except FrameError:
        return 0, 0
    return height, width
