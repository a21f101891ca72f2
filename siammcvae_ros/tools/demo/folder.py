# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's output folder: created, or cleared of an earlier demo's files and nothing else."""

from pathlib import Path
import shutil

from filelock import FileLock, Timeout

from siammcvae_core.errors import InputError
from siammcvae_ros.tools.dds_domain import PROFILE

MARK = '.siammcvae_demo'


class OutputFolder:
    """Names the files of the demo in `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / MARK)  # held until the process ends
        self.bag = path / 'restored'
        self.video = path / 'side_by_side.mp4'
        self.page = path / 'report.html'
        self.json = path / 'report.json'
        self.parameters = path / 'parameters.yaml'
        self.node_log = path / 'restore_node.log'
        self.replay_log = path / 'replay_node.log'
        self._files = (
            self.video, self.page, self.json, self.parameters, self.node_log, self.replay_log,
            path / PROFILE,
        )  # fmt: skip

    def prepare(self) -> None:
        """Create the folder, or remove what an earlier demo left in it; no other demo may use it.

        Raises InputError if it cannot be written to, if another demo runs in it, or if it holds
        files and was not made by a demo.
        """
        mark = self.path / MARK
        try:
            if self.path.exists() and not self.path.is_dir():
                raise InputError(f'{self.path} is not a folder')
            if self.path.is_dir() and any(self.path.iterdir()) and not mark.exists():
                raise InputError(f'{self.path} holds files that no demo wrote; name another --out')
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
            shutil.rmtree(self.bag, ignore_errors=True)
            for file in self._files:
                file.unlink(missing_ok=True)
        except Timeout:
            raise InputError(f'another demo runs in {self.path}; name another --out') from None
        except OSError as error:
            raise InputError(f'cannot write to {self.path}: {error.strerror}') from error
