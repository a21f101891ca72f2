# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The DDS domain and the folders that tests use, and which tests may be skipped by `make test`."""

from collections.abc import Generator, Iterator
from pathlib import Path
import re
import signal

import pytest

from siammcvae_ros.tools.dds_domain import reserve_domain

ALLOWED_SKIPS = re.compile(
    # What only an installed ROS 2 or the operating system brings:
    r'(launch_ros|sros2|ament_xmllint|xmllint|RViz|chromium)\b.* is (not )?installed'
    r'|another RMW than Fast DDS|no C\+\+ compiler|no chromium'
    # The processor, the kernel and recordings:
    r'|GPU|this CPU does not compute in|seccomp|peak of a process|real clips'
)
"""Reasons to skip a test that `make test` accepts: none of them is a package `make` can install."""

Report = pytest.TestReport | pytest.CollectReport


def pytest_addoption(parser: pytest.Parser) -> None:
    strict = 'fail for a skip whose reason is not among ALLOWED_SKIPS of test/conftest.py'
    allow = 'with --strict-skips, allow skips for this reason too'
    parser.addoption('--strict-skips', action='store_true', help=strict)
    parser.addoption('--allow-skip', action='append', default=[], metavar='REASON', help=allow)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _without_forbidden_skip((yield), collector.config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _without_forbidden_skip((yield), item.config)


def _without_forbidden_skip(report: Report, config: pytest.Config) -> Report:
    """Turn a skip into a failure if `--strict-skips` is given and its reason is not allowed."""
    if report.skipped and not hasattr(report, 'wasxfail') and config.getoption('--strict-skips'):
        path, line, reason = report.longrepr
        allowed = [ALLOWED_SKIPS, *map(re.compile, config.getoption('--allow-skip'))]
        if not any(pattern.search(reason) for pattern in allowed):
            report.outcome = 'failed'
            report.longrepr = f'{path}:{line}: skipped under --strict-skips: {reason}'
    return report


@pytest.fixture(scope='session', autouse=True)
def ros_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Set the variables, and the response to Ctrl-C, that every node started by a test inherits."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let their jobs ignore it
    domain, lock = reserve_domain()
    with lock, pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(domain))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        patch.setenv('ROS_LOG_DIR', str(tmp_path_factory.mktemp('roslog')))
        yield


@pytest.fixture(scope='session')
def root() -> Path:
    """Top folder of the repository."""
    return Path(__file__).parents[1]
