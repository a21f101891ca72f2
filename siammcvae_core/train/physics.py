# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which dynamics foresee clips of known physics: `python -m siammcvae_core.train.physics`."""

import argparse
from collections.abc import Mapping, Sequence
import json
from pathlib import Path
import sys
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from siammcvae_core.baselines.ode2_facvae import Ode2FacVAE
from siammcvae_core.baselines.ode2_profile import PROFILES
from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.commands.values import parse_list, parse_numbers
from siammcvae_core.errors import InputError
from siammcvae_core.files import expand_user, parse_json, write_whole
from siammcvae_core.model.checkpoint import save_checkpoint
from siammcvae_core.model.pixels import denormalise, normalise
from siammcvae_core.model.profiles import choose
from siammcvae_core.simulation.physics import centroid, draw_clips, PhysicsClips
from siammcvae_core.train.film_strip import film_strip
from siammcvae_core.train.ode2_facvae import draw_tasks, Ode2System

DESCRIPTION = """\
Train Ode2-FacVAE with several dynamics on clips of a disc with known motion, and compare how well
each foresees the frames after the first five: PSNR, and how far the disc is from its true place.
Writes into OUT, for every run, its scores, weights and a picture of the three tasks of imputation.
Runs that are complete there are not repeated.
"""
ROWS: Mapping[str, Mapping[str, Any]] = {
    'second': {},
    'second_no_context': {'context': False},
    'first': {'dynamics': 'first'},
    'linear': {'dynamics': 'linear'},
}
OBSERVED, AHEAD, DRAWN = 5, 10, 3  # frames: seen, foreseen, of these drawn for a window in training
BATCH, LR, WARM_UP = 24, 5e-3, 0.3
TEST_CLIPS, TEST_SEED = 200, 1_000_000


def parser() -> CommandParser:
    """Build the command line."""
    p = CommandParser('siammcvae_core.train.physics', DESCRIPTION)
    p.add_argument('--out', type=Path, default=Path('out/physics'), help='folder of the results')
    p.add_argument('--rows', default=','.join(ROWS), help='dynamics (default: %(default)s)')
    p.add_argument('--seeds', default='0,1,2', help='training runs (default: %(default)s)')
    p.add_argument('--steps', type=int, default=400, help='of training (default: %(default)s)')
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, score and print; exit status 2 for options that cannot be used."""
    return parser().run(compare, arguments)


def compare(options: argparse.Namespace) -> None:
    """Run what is not there yet and print the table; raises InputError."""
    rows = parse_list(options.rows, '--rows')
    unknown = [row for row in rows if row not in ROWS]
    if unknown:
        raise InputError(f'--rows: no {unknown[0]!r}; there are {", ".join(ROWS)}')
    if options.steps < 1:
        raise InputError(f'--steps must be 1 or more, got {options.steps}')
    seeds = parse_numbers(options.seeds, '--seeds')
    if min(seeds) < 0:
        raise InputError(f'--seeds must be 0 or more, got {min(seeds)}')
    out = expand_user(options.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    scores: dict[str, list[dict[str, list[float]]]] = {}
    for seed in seeds:
        for row in rows:
            path = out / f'{row}-{options.steps}-{seed}.json'
            if not path.is_file():
                network = train(row, seed, options.steps)
                save_checkpoint(path.with_suffix('.safetensors'), network)
                write_strip(path.with_suffix('.png'), network)
                write_whole(path, json.dumps(score(network)).encode())
            scores.setdefault(row, []).append(parse_json(path.read_text()))
    print_table(scores)


def train(row: str, seed: int, steps: int) -> Ode2FacVAE:
    """Train the dynamics of a row on clips drawn on the way."""
    torch.manual_seed(seed)
    system = Ode2System(Ode2FacVAE(choose(PROFILES, 'physics', ROWS[row]))).train()
    optimiser = torch.optim.AdamW(system.parameters(), LR)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LR, steps, pct_start=WARM_UP)
    rng = np.random.default_rng([seed, 1])
    for step in range(steps):
        clips = draw_clips(BATCH, OBSERVED + AHEAD, rng)
        times, frames = tensors(clips)
        later = OBSERVED + np.sort(rng.permuted(np.tile(np.arange(AHEAD), (BATCH, 1)), axis=1)
                                   [:, :DRAWN], axis=1)  # fmt: skip
        number = np.concatenate([np.tile(np.arange(OBSERVED), (BATCH, 1)), later], 1)
        window = torch.from_numpy(number)
        chosen = torch.arange(BATCH)[:, None]
        patches = (system.size[0] // system.patch) * (system.size[1] // system.patch)
        seen = draw_tasks(torch.rand(BATCH, patches) < 0.4, OBSERVED + DRAWN)
        annealing = min(1.0, step / (0.2 * steps))
        losses, _ = system.bound(times[chosen, window], frames[chosen, window], seen, annealing)
        losses['loss'].backward()
        torch.nn.utils.clip_grad_norm_(system.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    return system.network.eval()


@torch.inference_mode()
def score(network: Ode2FacVAE) -> dict[str, list[float]]:
    """Score 1 to 10 frames ahead: PSNR in dB and error of the disc's place in px, means of clips.

    `*_ceiling` are those of the auto-encoder, which sees the true frame.
    """
    clips = draw_clips(TEST_CLIPS, OBSERVED + AHEAD, np.random.default_rng(TEST_SEED))
    times, frames = tensors(clips)
    patches = (network.profile.size[0] // network.profile.patch) ** 2
    seen = torch.ones(TEST_CLIPS, OBSERVED, patches, dtype=torch.bool)
    ahead = times[:, OBSERVED:]
    state = network.infer(times[:, :OBSERVED], frames[:, :OBSERVED], seen)
    foreseen = network.decode(network.follow(state.mean, ahead - state.origin).s)
    ceiling = network.autoencode(frames[:, OBSERVED:].flatten(0, 1)).unflatten(0, ahead.shape)
    result: dict[str, list[float]] = {}
    truth = clips.frames[:, OBSERVED:].astype(np.float32)
    for name, shown in (('', foreseen), ('_ceiling', ceiling)):
        bgr = denormalise(shown).permute(0, 1, 3, 4, 2).flip(-1).numpy()
        mse = np.square(bgr - truth).mean((2, 3, 4))
        place = np.linalg.norm(centroid(bgr) - clips.position[:, OBSERVED:], axis=-1)
        result['psnr' + name] = (10 * np.log10(255**2 / mse)).mean(0).round(3).tolist()
        result['position' + name] = place.mean(0).round(3).tolist()
    return result


def write_strip(path: Path, network: Ode2FacVAE) -> None:
    """Write the three tasks on one test clip as a PNG file."""
    clips = draw_clips(TEST_CLIPS, OBSERVED + AHEAD, np.random.default_rng(TEST_SEED))
    times, frames = tensors(clips)
    fastest = int(np.linalg.norm(clips.acceleration, axis=-1).argmax())
    strip = film_strip(network, times[fastest], frames[fastest])
    write_whole(path, cv2.imencode('.png', strip)[1].tobytes())


def tensors(clips: PhysicsClips) -> tuple[Tensor, Tensor]:
    """Bring clips to times (B, T) and frames (B, T, 3, S, S) in the scale of `model.pixels`."""
    rgb = torch.from_numpy(np.ascontiguousarray(clips.frames[..., ::-1])).permute(0, 1, 4, 2, 3)
    return torch.from_numpy(clips.times), normalise(rgb)


def print_table(scores: Mapping[str, Sequence[Mapping[str, Sequence[float]]]]) -> None:
    """Print means over the seeds with the range of the seeds, a row per dynamics and measure."""
    print('| | ' + ' | '.join(map(str, range(1, AHEAD + 1))) + ' |')
    print('|---' * (AHEAD + 1) + '|')
    for measure in ('psnr', 'position', 'psnr_ceiling', 'position_ceiling'):
        for row, runs in scores.items():
            values = np.array([run[measure] for run in runs])
            spread = (values.max(0) - values.min(0)) / 2
            cells = [f'{m:.2f} ±{s:.2f}' for m, s in zip(values.mean(0), spread, strict=True)]
            print(f'| {measure} {row} | ' + ' | '.join(cells) + ' |')


if __name__ == '__main__':
    sys.exit(main())
