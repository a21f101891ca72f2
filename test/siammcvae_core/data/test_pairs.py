# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames make a pair, and how far apart they are."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from siammcvae_core.data.pairs import distinct_frames, Gap, Pair, pairs, reference_position, to_core
from siammcvae_core.errors import InputError, SourceError
from siammcvae_core.frames import Frame

MS = 10**6


class Shown:
    """A source of grey frames, each filled with one value, 100 ms apart unless told otherwise."""

    name = 'shown'
    size = (8, 6)
    rate = 10.0
    stamped = False
    broken = ''

    def __init__(self, values: Sequence[int], stamps_ms: Sequence[int] = ()) -> None:
        self._values = values
        self._stamps = stamps_ms or [100 * i for i in range(len(values))]

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Frame]:
        for index, (value, stamp) in enumerate(zip(self._values, self._stamps, strict=True)):
            yield Frame(index, stamp * MS, np.full((6, 8), value, np.uint8), 'mono8')

    def camera_info(self) -> None:
        return None


def values(pair: Pair) -> list[int]:
    """Tell the target's and the references' values."""
    return [int(image[0, 0]) for image in (pair.target, *pair.references)]


def made(source: Shown, *gaps: str, **options: int) -> list[tuple[str, int, list[int]]]:
    found = pairs(source, [Gap.parse(gap) for gap in gaps], **options)
    return [(str(gap), pair.index, values(pair)) for gap, pair in found]


@pytest.mark.parametrize(
    ('text', 'gap'), [('4', Gap(4)), (1, Gap(1)), ('0.5s', Gap(seconds=0.5)), (' 2s ', Gap(0, 2))]
)
def test_gaps_are_read_and_written(text, gap):
    assert Gap.parse(text) == gap
    assert Gap.parse(str(gap)) == gap


@pytest.mark.parametrize('text', ['0', '-1', '1.5', 'x', '', 's', '0s', '-1s', 'nans', 'infs'])
def test_other_gaps_are_refused(text):
    with pytest.raises(InputError, match=r'expected frames such as 4, or seconds such as 0\.5s'):
        Gap.parse(text)


def test_every_target_comes_with_every_gap_it_has_room_for():
    assert made(Shown([10, 20, 30, 40]), '1', '2') == [
        ('1', 1, [20, 10]),
        ('1', 2, [30, 20]),
        ('2', 2, [30, 10]),
        ('1', 3, [40, 30]),
        ('2', 3, [40, 20]),
    ]


def test_a_long_clip_keeps_finding_old_references():
    frames = [i % 250 for i in range(500)]
    found = made(Shown(frames), '30', '7')
    assert [(gap, v) for gap, i, v in found if i == 499] == [('30', [249, 219]), ('7', [249, 242])]
    assert len(found) == (500 - 30) + (500 - 7)


def test_two_references_are_neighbours_and_seconds_are_told():
    ((_, pair),) = pairs(Shown([1, 5, 9, 13]), [Gap(2)], references=2)
    assert (pair.clip, pair.index, values(pair)) == ('shown', 3, [13, 5, 1])
    assert pair.seconds == pytest.approx((0.2, 0.3))


def test_older_references_are_added_where_there_are():
    shown = Shown([1, 5, 9, 13, 17])
    assert made(shown, '1', references=2, most=3) == [
        ('1', 2, [9, 5, 1]), ('1', 3, [13, 9, 5, 1]), ('1', 4, [17, 13, 9, 5]),
    ]  # fmt: skip


def test_repeats_are_no_targets_but_what_the_camera_showed():
    shown = Shown([10, 20, 20, 20, 50, 60])
    assert made(shown, '1') == [('1', 1, [20, 10]), ('1', 4, [50, 20]), ('1', 5, [60, 50])]
    # Three frames before frame 5 the camera showed frame 1 again.
    assert made(shown, '3')[-1] == ('3', 5, [60, 20])
    (_, pair) = list(pairs(shown, [Gap(3)]))[-1]
    assert pair.seconds == pytest.approx((0.4,))


def test_noise_of_coding_makes_no_new_frame_but_a_small_movement_does():
    still = np.full((48, 64), 100, np.uint8)
    noisy, moved = still.copy(), still.copy()
    noisy[::8, ::4] += 1  # 0.03 grey levels on average
    moved[10:20, 10:30] += 40  # a distant car

    class Two(Shown):
        def __init__(self, second: np.ndarray) -> None:
            super().__init__([0, 0])
            self._images = [still, second]

        def __iter__(self) -> Iterator[Frame]:
            for index, image in enumerate(self._images):
                yield Frame(index, index, image, 'mono8')

    assert len(list(distinct_frames(Two(noisy)))) == 1
    assert len(list(distinct_frames(Two(moved)))) == 2


def test_targets_can_be_thinned():
    assert [i for _, i, _ in made(Shown(range(0, 90, 10)), '1', every=4)] == [4, 8]


def test_seconds_take_the_nearest_frame():
    stamps = [0, 100, 190, 310, 420]
    assert made(Shown([10, 20, 30, 40, 50], stamps), '0.2s') == [
        ('0.2s', 3, [40, 20]),
        ('0.2s', 4, [50, 30]),
    ]
    # Shorter than the distance of two frames: the frame before.
    assert made(Shown([10, 20, 30]), '0.01s') == [('0.01s', 1, [20, 10]), ('0.01s', 2, [30, 20])]


def test_reference_at_the_very_start_counts():
    indices, stamps = np.arange(3), np.arange(3) * 10**9
    assert reference_position(indices, stamps, 2, Gap(2)) == 0
    assert reference_position(indices, stamps, 2, Gap(3)) is None
    assert reference_position(indices, stamps, 2, Gap(seconds=2)) == 0
    assert reference_position(indices, stamps, 2, Gap(seconds=2.1)) is None


def test_a_clip_ends_where_its_stamps_go_back():
    shown = Shown([10, 20, 30, 40], [0, 100, 50, 150])
    assert made(shown, '1') == [('1', 1, [20, 10])]
    assert shown.broken == 'the stamp of frame 2 goes back by 0.05 s'


def test_a_clip_ends_where_its_frames_change_shape():
    class Changing(Shown):
        def __iter__(self) -> Iterator[Frame]:
            yield Frame(0, 0, np.zeros((6, 8), np.uint8), 'mono8')
            yield Frame(1, 1, np.zeros((6, 9), np.uint8), 'mono8')

    changing = Changing([0, 0])
    assert [f.index for f in distinct_frames(changing)] == [0]
    assert changing.broken == 'frame 1 is 9x6, the one before 8x6'


@pytest.mark.parametrize(
    ('encoding', 'pixel'),
    [
        ('bgr8', (1, 2, 3)),
        ('8UC3', (1, 2, 3)),
        ('rgb8', (3, 2, 1)),
        ('rgba8', (3, 2, 1, 9)),
        ('bgra8', (1, 2, 3, 9)),
    ],
)
def test_encodings_come_as_bgr(encoding, pixel):
    padded = np.zeros((4, 8, len(pixel)), np.uint8)
    padded[:, :6] = pixel
    image = to_core(Frame(0, 0, padded[:, :6], encoding))
    np.testing.assert_array_equal(image, np.full((4, 6, 3), (1, 2, 3), np.uint8))
    assert image.flags.c_contiguous


def test_unknown_encoding_is_named():
    with pytest.raises(SourceError, match='yuv422'):
        to_core(Frame(0, 0, np.zeros((4, 4), np.uint8), 'yuv422'))
