# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: one for all systems, on one processor or many."""

from collections.abc import Iterable
from itertools import islice
import math
import shutil

from accelerate import Accelerator
import numpy as np
import torch
from torch import Tensor

from siammcvae_core.engines.factory import find_weights
from siammcvae_core.errors import InputError
from siammcvae_core.files import expand_user
from siammcvae_core.train.catalogue import build_system
from siammcvae_core.train.config import TrainConfig
from siammcvae_core.train.drawing import SampleFormat
from siammcvae_core.train.ema import WeightAverage
from siammcvae_core.train.loader import (
    MicroBatchSampler,
    open_data,
    training_batches,
    validation_batches,
)
from siammcvae_core.train.optimiser import annealing, build_optimiser, learning_rate
from siammcvae_core.train.report import Report
from siammcvae_core.train.state import TrainingState
from siammcvae_core.train.system import Batch
from siammcvae_core.train.validation import validate

STATE = 'state.safetensors'
BEST = 'best.safetensors'
LAST = 'last.safetensors'
METRICS = 'metrics.jsonl'
BOARD = 'tensorboard'


class Training:
    """One run, described by its configuration; resumes the state in its folder.

    Raises InputError for a configuration, data or state it cannot train with.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self._out = expand_user(config.out)
        self._accelerator = Accelerator(
            mixed_precision=config.precision, cpu=config.device == 'cpu'
        )
        self._processes = self._accelerator.num_processes
        self._micro_batch = config.micro_batch(self._processes)
        if config.val_samples < self._processes:
            raise InputError(f'val_samples: {self._processes} processes need at least as many')
        torch.manual_seed(config.seed)
        self._system = build_system(config.system, config.profile, config.profile_changes)
        if config.weights:
            self._system.load(find_weights(config.weights))
        self._system.to(self._accelerator.device)
        self._average = WeightAverage(self._system, config.ema)
        self._optimiser = build_optimiser(self._system, config)
        self._state = TrainingState(self._system, self._average, self._optimiser)
        self._open_folder()
        self._wrapped = self._accelerator.prepare_model(self._system)

    def run(self) -> None:
        """Train to the last step; after that, processes no longer work together."""
        accelerator, config, first = self._accelerator, self.config, self._state.progress.step
        system = self._system
        rollout = system.rollout if config.data.rollouts else 0
        sample_format = SampleFormat(system.size, system.patch, system.references, rollout)
        train, self._val = open_data(config, sample_format, accelerator.is_local_main_process)
        size = sum(p.numel() for p in self._system.parameters()) / 1e6
        line = f'{config.system}, profile {config.profile}: {size:.1f} M parameters'
        accelerator.print(line, flush=True)
        sampler = MicroBatchSampler(config, first, accelerator.process_index, self._processes)
        batches = training_batches(train, sampler, config.workers, accelerator.device)
        board, metrics = self._out / BOARD, self._out / METRICS
        report = Report(board, metrics, config, first) if accelerator.is_main_process else None
        try:
            for step in range(first, config.steps):
                losses = self._step(step, islice(batches, config.accumulate))
                self._state.progress.step = step + 1
                self._after(step + 1, losses, report)
        except torch.OutOfMemoryError as error:
            raise InputError('the GPU has too little memory; raise accumulate') from error
        finally:
            if report is not None:
                report.close()
        # A process that ends while another still saves would end that one too.
        accelerator.wait_for_everyone()
        accelerator.end_training()

    def _open_folder(self) -> None:
        """Make the folder of the run, or resume from the state in it."""
        path = self._out / STATE
        if self._accelerator.is_main_process:
            try:
                self._out.mkdir(parents=True, exist_ok=True)
                if self.config.restart:
                    for name in (STATE, BEST, LAST, METRICS):
                        (self._out / name).unlink(missing_ok=True)
                    shutil.rmtree(self._out / BOARD, ignore_errors=True)
            except OSError as error:
                raise InputError(f'{self._out} cannot be written: {error.strerror}') from error
        self._accelerator.wait_for_everyone()
        if path.exists():
            self._state.restore(path, self.config)
            step = self._state.progress.step
            line = f'{self._out}: resuming at step {step} of {self.config.steps}'
            self._accelerator.print(line, flush=True)
        steps = torch.tensor([self._state.progress.step], device=self._accelerator.device)
        if self._accelerator.gather(steps).unique().numel() > 1:
            raise InputError(f'{self._out} must be a folder that all machines share')

    def _step(self, step: int, batches: Iterable[tuple[int, Batch]]) -> dict[str, Tensor]:
        """Take one step of the optimiser; returns the losses of this process's samples."""
        config = self.config
        self._wrapped.train()
        sums: dict[str, Tensor] = {}
        for micro, (number, batch) in enumerate(batches, start=1):
            # The noise of a micro-batch belongs to its samples, whoever computes it and when.
            torch.manual_seed(_noise_seed(config.seed, number))
            if micro < config.accumulate:
                with self._accelerator.no_sync(self._wrapped):
                    losses = self._backward(batch, step)
            else:
                losses = self._backward(batch, step)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0) + value.detach() / config.accumulate
        parameters = self._system.parameters()
        sums['gradient_norm'] = torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        for group in self._optimiser.param_groups:
            group['lr'] = learning_rate(step, config)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._average.update(self._system, step)
        return sums

    def _backward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = self._wrapped(batch, annealing(step, self.config))
        (losses['loss'] / self.config.accumulate).backward()
        return losses

    def _after(self, done: int, losses: dict[str, Tensor], report: Report | None) -> None:
        """Log, validate and save, where that is due after `done` steps."""
        config, end = self.config, done == self.config.steps
        if report is not None:
            report.step()
        if done % config.log_every == 0 or end:
            scalars = self._joined(losses)
            if not math.isfinite(scalars['loss']):
                raise InputError(
                    f'the loss is {scalars["loss"]} after step {done}; try a lower lr. The state '
                    f'saved before is intact'
                )
            if report is not None:
                report.training(done, {**scalars, 'lr': learning_rate(done - 1, config)})
        if done % config.validate_every == 0 or end:
            self._validate(done, report)
        if (done % config.save_every == 0 or end) and self._accelerator.is_main_process:
            self._average.system.save(self._out / LAST)
            self._state.save(self._out / STATE, config)

    def _validate(self, done: int, report: Report | None) -> None:
        accelerator = self._accelerator
        rank, device = accelerator.process_index, accelerator.device
        batches = validation_batches(self._val, self._micro_batch, rank, self._processes, device)
        result = validate(self._average.system, batches, accelerator, self.config.pictures)
        best = result.scalars['loss'] < self._state.progress.best
        if best:
            self._state.progress.best = result.scalars['loss']
        if report is not None:
            if best:
                self._average.system.save(self._out / BEST)
            report.validation(done, result, best)

    def _joined(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Average losses over the processes."""
        stacked = torch.stack([value.float() for value in losses.values()])
        means = self._accelerator.reduce(stacked, 'mean').tolist()
        return dict(zip(losses, means, strict=True))


def _noise_seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence((seed, 3, number)).generate_state(1, np.uint64)[0])
