# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Keep the tests to themselves: their own DDS domain, this machine only, no files in ~/.ros."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from siammcvae_ros.tools.dds_domain import free_domain


@pytest.fixture(scope='session', autouse=True)
def ros_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Set the variables that every node started by a test inherits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(free_domain()))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        patch.setenv('ROS_LOG_DIR', str(tmp_path_factory.mktemp('roslog')))
        yield


@pytest.fixture(scope='session')
def root() -> Path:
    """Top folder of the repository."""
    return Path(__file__).parents[1]
