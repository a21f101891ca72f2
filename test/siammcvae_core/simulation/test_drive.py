# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0

import cv2
import numpy as np
import pytest

from siammcvae_core.errors import InputError
from siammcvae_core.simulation.drive import DriveSim, FOCAL
from siammcvae_core.simulation.scene import (
    BUILDING,
    GROUND,
    PARKED,
    SIGHT,
    SKY,
    SPEED,
    TRAFFIC,
    TREE,
    World,
)

SIZE = (320, 180)


def flow(before, after):
    """Dense motion of the px of `before`, (H, W, 2)."""
    engine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in (before, after)]
    return engine.calc(*grey, None)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(np.float32) - b) ** 2))


def kinds(labels):
    return labels >> 16


@pytest.fixture(scope='module')
def day():
    return DriveSim(SIZE, rate=30.0)


def test_frames_are_the_same_in_any_order(day):
    drive = DriveSim(SIZE, rate=10.0, frames=4, seed=5)
    frames = list(drive)
    again = DriveSim(SIZE, rate=10.0, frames=4, seed=5)
    for frame in reversed(frames):
        assert np.array_equal(again.render(frame.index), frame.image)
    assert [f.image.tobytes() for f in drive] == [f.image.tobytes() for f in frames]


def test_iteration_gives_frames_of_a_source():
    drive = DriveSim((70, 50), rate=3.0, frames=3)
    frames = list(drive)
    assert len(drive) == len(frames) == 3
    assert [f.index for f in frames] == [0, 1, 2]
    assert [f.stamp for f in frames] == [0, 333333333, 666666667]
    assert (drive.size, drive.rate) == ((70, 50), 3.0)
    for frame in frames:
        assert frame.image.shape == (50, 70, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert frame.encoding == 'bgr8'


def test_the_world_does_not_depend_on_the_rate():
    slow, fast = DriveSim(SIZE, rate=5.0), DriveSim(SIZE, rate=30.0)
    assert np.abs(slow.render(10).astype(int) - fast.render(60)).mean() < 2  # sensor noise only


def test_seeds_give_other_streets(day):
    other = DriveSim(SIZE, rate=30.0, seed=1)
    assert np.abs(day.render(0).astype(int) - other.render(0)).mean() > 10


@pytest.mark.parametrize('size', [(1242, 375), (375, 1242), (966, 603), (33, 47), (2048, 32)])
@pytest.mark.parametrize('night', [False, True])
def test_odd_sizes_are_filled(size, night):
    frame = DriveSim(size, night=night).render(3)
    assert frame.shape == (size[1], size[0], 3)
    assert frame.std() > 10


def test_night_is_dark_and_has_lights(day):
    night = DriveSim(SIZE, rate=30.0, night=True)
    dark, bright = night.render(60), day.render(60)
    assert np.median(bright) > 2.5 * np.median(dark)
    assert dark.max() > 230
    assert np.mean(dark > 150) < 0.05
    # Headlights: the road right ahead is lighter than the road at the frame's sides.
    rows = dark[140:170].mean(axis=(0, 2))
    assert rows[140:180].mean() > 1.3 * rows[:30].mean()
    assert np.array_equal(night.labels(60), day.labels(60))


def explained(motion):
    """Share of the px whose motion one plane moving in space could make (a homography)."""
    start = np.mgrid[4:176:4, 4:316:4].reshape(2, -1).T[:, ::-1].astype(np.float32)
    end = start + motion[4:176:4, 4:316:4].reshape(-1, 2)
    _, inlier = cv2.findHomography(start, end, cv2.RANSAC, 0.5)
    return inlier.mean()


def test_motion_is_parallax_not_scrolling(day):
    for index in (20, 80, 140):
        before, after = day.render(index), day.render(index + 2)
        motion = flow(before, after)
        length = np.linalg.norm(motion, axis=2)
        assert np.median(length[150:170, 100:220]) > 5 * np.median(length[80:92, 140:180])
        assert explained(motion) < 0.6
        zoom = np.array([[1.04, 0, -8], [0, 1.04, -3]])  # what a picture of a street could do
        assert explained(flow(before, cv2.warpAffine(before, zoom, SIZE))) > 0.8


def test_the_car_ahead_stands_where_a_pinhole_camera_sees_it():
    drive = DriveSim((640, 360), rate=10.0)
    world = World(seed=0, night=False)
    distances = []
    for index in range(0, 300, 30):
        pose = world.pose(index / 10)
        ahead = np.array([np.sin(pose.yaw), 0, np.cos(pose.yaw)])
        faces = [thing for thing in world.visible(index / 10) if thing.label == TRAFFIC << 16]
        rear = min((t.plane[:, 2] - pose.position) @ ahead for t in faces if t.plane[1, 2] < 0)
        rows = np.flatnonzero((drive.labels(index) == TRAFFIC << 16).any(axis=1))
        wheels = 180 + FOCAL * 640 * (-pose.position[1] / rear - pose.pitch)
        assert abs(rows[-1] + 1 - wheels) < 2
        distances.append(rear)
    assert max(distances) > 1.4 * min(distances)


def test_speed_is_that_of_a_car_in_town():
    world = World(seed=0, night=False)
    path = np.array([world.pose(t).position for t in np.arange(0, 30, 0.5)])
    speed = np.linalg.norm(np.diff(path, axis=0), axis=1) / 0.5
    assert 0.8 * SPEED < speed.min() < speed.max() < 1.2 * SPEED
    yaw = np.unwrap([world.pose(t).yaw for t in np.arange(0, 30, 0.1)])
    assert np.ptp(yaw) > 0.1  # the street bends
    assert np.abs(np.diff(yaw)).max() < 0.03  # and is not jerked round


@pytest.mark.parametrize('night', [False, True])
def test_motion_can_be_carried_on(night):
    """Real drives: constant velocity predicts the next frame better than a copy does."""
    drive = DriveSim((640, 360), rate=10.0, night=night)
    gains = []
    for index in (12, 77, 150, 260):
        first, second, third = (drive.render(index + k) for k in range(3))
        back = flow(second, first)
        y, x = np.mgrid[0:360, 0:640].astype(np.float32)
        moved = cv2.remap(second, x + back[..., 0], y + back[..., 1], cv2.INTER_LINEAR)
        gains.append(psnr(moved, third) - psnr(second, third))
    assert np.mean(gains) > 1.0


def test_nothing_pops(day):
    """At 500 Hz nothing moves far; whatever comes or goes at once would show as a jump."""
    drive = DriveSim(SIZE, rate=500.0, frames=4000)
    previous = drive.render(2000)
    for index in range(2001, 2040):
        frame = drive.render(index)
        change = cv2.blur(cv2.absdiff(frame, previous)[:, 60:-60].max(axis=2), (9, 9))
        assert change.max() < 40
        previous = frame


def test_labels_align_with_the_picture(day):
    frame, labels = day.render(60), day.labels(60)
    assert labels.shape == frame.shape[:2]
    assert {SKY, GROUND, BUILDING, TREE, PARKED, TRAFFIC} <= set(np.unique(kinds(labels)).tolist())
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float32)
    step = np.abs(np.diff(grey, axis=1))

    def contrast(shift):
        return step[np.diff(np.roll(labels, shift, axis=1), axis=1) != 0].mean()

    assert contrast(0) > 2 * step.mean()
    assert contrast(0) > 1.4 * max(contrast(-3), contrast(3))
    sky = frame[labels == SKY].mean(axis=0)
    assert sky[0] > sky[2] + 10  # blue
    assert not (kinds(labels)[:60] == GROUND).any()
    assert not (labels[110:] == SKY).any()


def test_labels_stay_with_their_thing(day):
    """What the flow says of a pixel's next place carries the same label there."""
    here, there = day.labels(60), day.labels(61)
    motion = flow(day.render(60), day.render(61))
    rows, columns = np.mgrid[10:170:4, 20:300:4].reshape(2, -1)
    moved = np.round(motion[rows, columns]).astype(int)
    to_rows = np.clip(rows + moved[:, 1], 0, 179)
    to_columns = np.clip(columns + moved[:, 0], 0, 319)
    assert np.mean(here[rows, columns] == there[to_rows, to_columns]) > 0.93


def test_nothing_is_seen_at_the_end_of_sight_but_haze():
    """So that nothing appears out of the blue."""
    world = World(seed=0, night=False)
    here = world.pose(5.0).along
    reach = max(thing.far for thing in world.visible(5.0))
    assert reach > here + 0.97 * SIGHT


def test_camera_info_holds_the_calibration():
    info = DriveSim((640, 360)).camera_info()
    assert (info.width, info.height, info.distortion_model) == (640, 360, 'plumb_bob')
    assert info.k == [556.8, 0.0, 320.0, 0.0, 556.8, 180.0, 0.0, 0.0, 1.0]
    assert (len(info.d), len(info.r), len(info.p)) == (5, 9, 12)


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ({'size': (0, 360)}, '0x360'),
        ({'size': (640, 16)}, '640x16'),
        ({'size': (9000, 360)}, '9000x360'),
        ({'rate': 0.0}, 'rate.*0'),
        ({'rate': -10.0}, 'rate.*-10'),
        ({'rate': float('nan')}, 'rate.*nan'),
        ({'frames': 0}, 'at least 1 frame, got 0'),
        ({'seed': -1}, 'seed.*-1'),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    with pytest.raises(InputError, match=words) as error:
        DriveSim(**arguments)
    assert '\n' not in str(error.value)


def test_frames_outside_the_drive(day):
    for index in (-1, 300):
        with pytest.raises(IndexError, match=str(index)):
            day.render(index)
