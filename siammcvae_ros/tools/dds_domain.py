# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A DDS domain for our own processes on this host, and a description of this host."""

from collections import deque
from contextlib import suppress
from importlib import metadata
import os
from pathlib import Path
import platform
import random
import re
import shutil
import socket
import sys

from filelock import FileLock, Timeout

from siammcvae_core.files import temporary_folder
from siammcvae_ros.tools.processes import ProcessError

PROFILE = 'fastdds_large_images.xml'
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
SHARED_MEMORY = Path('/dev/shm')
PROCESSES = 3  # in the domain
HIGHEST_DOMAIN = 101  # above, DDS ports reach into the range Linux hands out to anyone
PARTICIPANTS = 10  # of a domain, that are looked for
_newest_locks: deque[FileLock] = deque(maxlen=8)


def isolate(folder: Path) -> None:
    """Move this process and its children into a free DDS domain that ends at this host.

    Call before rclpy.init. Names the shipped Fast DDS profile unless the user has named one; where
    shared memory is scarce, as in a container, a copy in `folder` that asks for less of it.
    """
    os.environ['ROS_DOMAIN_ID'] = str(free_domain())
    if os.environ.get('ROS_DISTRO') == 'humble':
        os.environ['ROS_LOCALHOST_ONLY'] = '1'
    else:  # the old variable would override the new one
        os.environ.pop('ROS_LOCALHOST_ONLY', None)
        os.environ.pop('ROS_STATIC_PEERS', None)
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    profile = shipped_profile()
    if profile is not None and not any(os.environ.get(name) for name in PROFILE_VARIABLES):
        profile = _fitted(profile, folder)
        os.environ.update(dict.fromkeys(PROFILE_VARIABLES, str(profile.absolute())))


def free_domain() -> int:
    """Choose at random a DDS domain that no process on this host uses.

    Another process of this user may choose it only after this one has chosen several others: by
    then, its participants are there to be seen, or gone.
    """
    domain, lock = reserve_domain()
    _newest_locks.append(lock)
    return domain


def reserve_domain() -> tuple[int, FileLock]:
    """Choose a domain as `free_domain` does; it stays chosen as long as the lock is held."""
    domains = random.sample(range(1, HIGHEST_DOMAIN + 1), HIGHEST_DOMAIN)
    for domain in domains:
        lock = FileLock(temporary_folder() / f'domain{domain}.lock')
        with suppress(Timeout):
            lock.acquire(blocking=False)
            if _is_free(domain):
                return domain, lock
            lock.release()
    raise ProcessError(f'each of the {HIGHEST_DOMAIN} DDS domains is in use: end some processes')


def _is_free(domain: int) -> bool:
    # RTPS 9.6.1.3: participant n of a domain listens on these unicast ports. The first may be gone.
    base = 7400 + 250 * domain
    for port in range(base + 10, base + 10 + 2 * PARTICIPANTS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', port))
            except OSError:
                return False
    return True


def shipped_profile() -> Path | None:
    """Find the Fast DDS profile for large images, in the source tree or where it is installed."""
    prefixes = [*filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(':')), sys.prefix]
    roots = [Path(__file__).parents[2], *(Path(p) / 'share' / 'siammcvae_ros' for p in prefixes)]
    return next((p for root in roots if (p := root / 'config' / PROFILE).is_file()), None)


def _fitted(profile: Path, folder: Path) -> Path:
    """Return the profile, or a copy with segments small enough for all processes in /dev/shm."""
    text = profile.read_text()
    segment = re.search(r'(?<=<segment_size>)\d+', text)
    if segment is None or not SHARED_MEMORY.is_dir():
        return profile
    room = shutil.disk_usage(SHARED_MEMORY).free // (PROCESSES + 1)
    if room > int(segment[0]):
        return profile
    fitted = folder / PROFILE
    fitted.write_text(text.replace(segment[0], str(room)))
    return fitted


def ros_distro() -> str:
    """Name the ROS 2 distribution: the sourced one, or that of the wheels."""
    if distro := os.environ.get('ROS_DISTRO'):
        return distro
    names = (re.fullmatch(r'ros-(\w+)-rclpy', d.name or '') for d in metadata.distributions())
    return next((match[1] for match in names if match), 'unknown')


def machine() -> dict[str, str]:
    """Describe this computer and the versions of Python and its packages."""
    return {
        'processor': f'{_processor()}, {os.cpu_count()} cores',
        'system': platform.platform(),
        'python': platform.python_version(),
        **{name: _version(name) for name in ('numpy', 'opencv-python-headless', 'torch')},
    }


def _processor() -> str:
    try:
        text = Path('/proc/cpuinfo').read_text()
    except OSError:
        return platform.machine()
    match = re.search(r'^model name\s*:\s*(.+)$', text, re.MULTILINE)
    return match[1] if match else platform.machine()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return 'not installed by pip'
