# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restore command on bags as they are in the wild: stamps, topics, and recorders cut off."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from support.bags import (
    drive,
    FRAMES,
    LOST,
    mask,
    Message,
    plain_masks,
    raw,
    record,
    recorded,
    restore,
    stamp,
    START,
    TOPIC,
    with_masks,
)

from siammcvae_core.data.bags import TYPES
from siammcvae_core.data.image_topics import RAW


@pytest.mark.parametrize(
    'stamps',
    [
        [0] * 40,
        [START] * 40,
        [START + n // 10 * 10 for n in range(40)],
    ],
    ids=['unset', 'standing', 'repeated'],
)
def test_ages_come_from_the_log_where_stamps_say_nothing(
    stamps: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = []
    frame, lost = drive()[0], mask(0, lost=(0,))
    for number, at in enumerate(stamps):
        drawn = lost if number > 5 else lost * 0
        messages.append(('/front/fault_mask', stamp(number), raw(0, drawn, 'mono8', at)))
        messages.append((TOPIC, stamp(number) + 1, raw(0, frame, 'bgr8', at)))
    restore(record(tmp_path / 'bag', messages), '--max-reference-age', '0.55')
    text = capsys.readouterr().out
    assert 'did not advance' in text
    passed = int(text.partition(' passed: reference_too_old')[0].rpartition(' ')[2])
    assert passed == 40 - 6 - 5 or ('unset later' and '34 passed: no_reference' in text)


def test_stamps_that_end_midway_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [raw(n, f, 'bgr8', stamp(n) if n < 3 else 0) for n, f in enumerate(drive())]
    masks = [raw(n, mask(n), 'mono8', stamp(n) if n < 3 else 0) for n in range(FRAMES)]
    out = restore(record(tmp_path / 'bag', with_masks(images, masks)))
    text = capsys.readouterr().out
    assert '1 jumped_back, 8 unset' in text
    assert '10 intact, 2 restored' in text
    marks = recorded(out, '/front/restored/mask')
    assert len(marks) == len(LOST)


def test_masks_of_no_image_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [raw(n, frame, 'bgr8') for n, frame in enumerate(drive())]
    masks = [raw(n, mask(n), 'mono8', stamp(n) + (n in LOST)) for n in range(FRAMES)]
    restore(record(tmp_path / 'bag', with_masks(images, masks)))
    text = capsys.readouterr().out
    assert '10 intact, 2 no mask' in text
    assert '2 of 12 masks on /front/fault_mask have the stamp of no image' in text


def two_cameras(masked: Sequence[str]) -> list[tuple[str, int, Message]]:
    messages = []
    for number, frame in enumerate(drive()):
        for name in ('left', 'right'):
            time = stamp(number)
            if name in masked:
                messages.append((f'/{name}/fault_mask', time, raw(number, mask(number), 'mono8')))
            messages.append((f'/{name}/image_raw', time + 1, raw(number, frame, 'bgr8')))
    return messages


@pytest.mark.parametrize(
    ('masked', 'options', 'restored'),
    [
        (['right'], [], 'right'),
        (['left', 'right'], ['--mask-topic', '/left/fault_mask'], 'left'),
        (['left', 'right'], ['--topic', 'right/image_raw'], 'right'),
        (['left'], ['--detect'], 'left'),
    ],
)
def test_the_camera_is_the_one_with_the_mask(
    masked: list[str], options: list[str], restored: str, tmp_path: Path
) -> None:
    bag = record(tmp_path / 'bag', two_cameras(masked))
    assert recorded(restore(bag, *options), f'/{restored}/restored/mask')


@pytest.mark.parametrize('masked', [[], ['left', 'right']])
def test_cameras_alike_are_asked_for(
    masked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    restore(record(tmp_path / 'bag', two_cameras(masked)), status=2)
    text = capsys.readouterr().err
    assert '2 image topics, name one: /left/image_raw, /right/image_raw' in text
    assert text.count('\n') == 1


def test_the_first_command_of_the_tutorial_on_a_bag_with_masks(tmp_path: Path) -> None:
    images = [raw(n, frame, 'bgr8') for n, frame in enumerate(drive())]
    bag = record(tmp_path / 'my_bag', with_masks(images, plain_masks()))
    assert len(recorded(restore(bag, '--detect'), TOPIC)) == FRAMES


def test_a_bag_that_was_cut_off_is_restored_as_far_as_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [raw(n, frame, 'bgr8') for n, frame in enumerate(drive())]
    bag = record(tmp_path / 'bag', with_masks(images, plain_masks()))
    (bag / 'metadata.yaml').unlink()
    file = bag / 'bag.mcap'
    file.write_bytes(file.read_bytes()[: -file.stat().st_size // 3])
    out = restore(bag, status=1)
    after = recorded(out, TOPIC)
    assert 6 < len(after) < FRAMES
    assert len(recorded(out, '/front/restored/mask')) == len(LOST)
    error = capsys.readouterr().err
    assert 'bag.mcap was cut off' in error
    assert error.count('\n') == 1


def test_a_mask_of_another_size_does_not_end_the_bag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [raw(number, frame, 'bgr8') for number, frame in enumerate(drive())]
    masks = plain_masks()
    masks[8] = raw(8, np.full((7, 11), 255, np.uint8), 'mono8')
    out = restore(record(tmp_path / 'bag', with_masks(images, masks)), status=1)
    after = recorded(out, TOPIC)
    np.testing.assert_array_equal(after[8].data, images[8].data)
    text = capsys.readouterr()
    assert f'{FRAMES - 3} intact, 1 passed: mask_size, 2 restored' in text.out
    assert 'mask_size), the first at 8: mask of 11x7 fits no cell size' in text.err


def test_a_bag_restored_before_is_named_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [raw(number, frame, 'bgr8') for number, frame in enumerate(drive())]
    out = restore(record(tmp_path / 'bag', with_masks(images, plain_masks())))
    restore(out, status=2)
    said = f'restore: {out} has a topic /front/restored/mask already\n'
    assert capsys.readouterr().err == said


@pytest.mark.parametrize('size', [30, 5])
@pytest.mark.parametrize('damaged', ['mask', 'image'])
def test_a_message_that_cannot_be_parsed_does_not_end_the_bag(
    damaged: str, size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = tmp_path / 'bag'
    with Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        masks = writer.add_connection('/front/fault_mask', RAW, typestore=TYPES)
        images = writer.add_connection(TOPIC, RAW, typestore=TYPES)
        for number, frame in enumerate(drive()):
            for kind, topic, pixels, encoding in (
                ('mask', masks, mask(number), 'mono8'), ('image', images, frame, 'bgr8')
            ):  # fmt: skip
                data = bytes(TYPES.serialize_cdr(raw(number, pixels, encoding), RAW))
                is_cut = number == 2 and kind == damaged
                writer.write(topic, stamp(number), data[:size] if is_cut else data)
    restore(bag, status=1)
    text = capsys.readouterr()
    assert f'{FRAMES - 3} intact, 1 ' in text.out
    assert '2 restored' in text.out
    assert f'message of {size} bytes' in text.err
    assert '2: ' in text.err


def test_a_bag_without_masks_says_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [raw(number, frame, 'bgr8') for number, frame in enumerate(drive())]
    bag = record(tmp_path / 'bag', [(TOPIC, stamp(n), image) for n, image in enumerate(images)])
    restore(bag, status=2)
    text = capsys.readouterr().err
    assert "no images on '/front/fault_mask'" in text
    assert text.endswith('name its masks with --mask-topic, or have them detected: --detect\n')
