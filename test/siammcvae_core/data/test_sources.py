# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `open_source` makes of a path; the kinds of source have tests of their own."""

from itertools import islice

import numpy as np
import pytest

from siammcvae_core.data.sources import open_source
from siammcvae_core.errors import SourceError
from siammcvae_core.simulation.drive import DriveSim


def test_the_rendered_drive_is_a_source():
    source = open_source('sim')
    first, second = islice(source, 2)
    assert (source.broken, source.stamped) == ('', False)
    assert (source.camera_info().width, source.camera_info().height) == source.size
    assert (first.image.shape[1], first.image.shape[0]) == source.size
    assert first.image.flags.c_contiguous
    assert (first.index, first.stamp, first.encoding) == (0, 0, 'bgr8')
    assert second.stamp == round(1e9 / source.rate)
    assert len(source) > 1


@pytest.mark.parametrize(
    ('path', 'night', 'seed'),
    [
        (None, False, 0),
        ('', False, 0),
        ('sim', False, 0),
        ('sim:night', True, 0),
        ('sim:3', False, 3),
        ('sim:night:12', True, 12),
    ],
)
def test_no_path_and_the_word_sim_mean_the_rendered_drive(path, night, seed):
    first = next(iter(open_source(path))).image
    np.testing.assert_array_equal(first, DriveSim(night=night, seed=seed).render(0))


@pytest.mark.parametrize('path', ['sim:', 'sim:-1', 'sim:day', 'sim:night:', 'sim:1:night', 'sims'])
def test_other_names_are_paths(path):
    with pytest.raises(SourceError, match=f'no such file or folder: {path}'):
        open_source(path)


def test_a_path_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(SourceError, match=r'no such file or folder: .*absent\.mp4'):
        open_source(tmp_path / 'absent.mp4')


def test_a_path_the_system_refuses_is_one_line():
    with pytest.raises(SourceError, match='cannot be read: File name too long'):
        open_source('a' * 5000)


def test_ros1_bags_are_named_as_such(tmp_path):
    (tmp_path / 'old.bag').write_bytes(b'#ROSBAG V2.0\n')
    with pytest.raises(SourceError, match='ROS 1 bag; convert it with rosbags-convert'):
        open_source(tmp_path / 'old.bag')


def test_a_folder_with_several_storage_files_and_no_metadata_asks_for_one(tmp_path):
    (tmp_path / 'a.mcap').touch()
    (tmp_path / 'b.mcap').touch()
    with pytest.raises(SourceError, match=r'no metadata\.yaml and 2 storage files; name one'):
        open_source(tmp_path)
