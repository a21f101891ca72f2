# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The progress of a run: a bar, TensorBoard, and one JSON line per validation."""

from collections.abc import Iterator
from contextlib import contextmanager
import json
from pathlib import Path
import sys
import time

import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from siammcvae_core.errors import InputError
from siammcvae_core.files import parse_json, write_whole
from siammcvae_core.train.config import TrainConfig
from siammcvae_core.train.validation import Validation

PICTURES = 'val/reference_damaged_restored_truth'


class Report:
    """Log of a run from `step` on, in a folder `board` and a file `metrics`.

    Lines that an interrupted run wrote about steps after `step` are removed. Raises InputError
    where nothing can be written.
    """

    def __init__(self, board: Path, metrics: Path, config: TrainConfig, step: int) -> None:
        self._metrics = metrics
        self._batch, self._steps, self._first = config.batch, config.steps, step
        self._began = time.monotonic()
        with self._one_line_errors():
            self._remove_later_lines(step)
            self._board = SummaryWriter(str(board), purge_step=step + 1)
        self._bar = tqdm(
            total=config.steps * config.batch,
            initial=step * config.batch,
            unit='sample',
            desc='training',
            disable=None,
            dynamic_ncols=True,
        )

    def step(self) -> None:
        """Count a step."""
        self._bar.update(self._batch)

    def training(self, step: int, scalars: dict[str, float]) -> None:
        """Log the losses of a step."""
        with self._one_line_errors():
            for name, value in scalars.items():
                self._board.add_scalar(f'train/{name}', value, step)
        self._bar.set_postfix(loss=f'{scalars["loss"]:.4f}', refresh=False)

    def validation(self, step: int, validation: Validation, best: bool) -> None:
        """Log a validation, with its images."""
        scalars = validation.scalars
        with self._one_line_errors():
            self._show(step, validation)
        self._bar.write(
            f'step {step}: validation loss {scalars["loss"]:.4f}, lost pixels '
            f'{scalars["psnr_lost"]:.2f} dB (copy {scalars["psnr_lost_copy"]:.2f} dB)'
            f'{", best so far" if best else ""}; {self._speed(step)}'
        )
        sys.stdout.flush()  # into a log file, too

    def _show(self, step: int, validation: Validation) -> None:
        for name, value in validation.scalars.items():
            self._board.add_scalar(f'val/{name}', value, step)
        if validation.kl is not None:
            self._board.add_histogram('val/kl_of_dimensions', validation.kl, step)
        if len(validation.pictures):
            self._board.add_image(PICTURES, torch.cat(list(validation.pictures), 1), step)
        self._board.flush()
        line: dict[str, object] = {'step': step, **validation.scalars}
        if validation.kl is not None:
            line['kl_of_dimensions'] = [round(v, 6) for v in validation.kl.tolist()]
        with self._metrics.open('a') as file:
            file.write(json.dumps(line) + '\n')

    def _speed(self, step: int) -> str:
        elapsed = time.monotonic() - self._began
        left = (self._steps - step) * elapsed / (step - self._first)
        rate = (step - self._first) * self._batch / elapsed
        return f'{rate:.1f} samples/s, {tqdm.format_interval(left)} left'

    def close(self) -> None:
        """End the bar and the board."""
        self._bar.close()
        with self._one_line_errors():
            self._board.close()

    def _remove_later_lines(self, step: int) -> None:
        if not self._metrics.exists():
            return
        lines = []
        for line in self._metrics.read_bytes().splitlines():
            try:
                if not parse_json(line)['step'] <= step:
                    break
            # The run was killed, or the disk full, while it was written.
            except (ValueError, TypeError, KeyError):
                break
            lines.append(line + b'\n')
        write_whole(self._metrics, b''.join(lines))

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where, why = error.filename or self._metrics.parent, error.strerror or error
            raise InputError(
                f'{where} cannot be written: {why}; the last state is intact'
            ) from error
