# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How large the learned systems are and what a restoration costs: `python -m …baselines.sizes`.

Operations are counted, not estimated, as the models run on the CPU: two per multiply-add, of all
matrix products, attention included; all frames the system looks at are encoded.
"""

import argparse
from collections.abc import Iterator, Sequence
import sys
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from siammcvae_core.baselines.catalogue import LEARNED_BASELINES
from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.model.patches import grid_of
from siammcvae_core.model.profiles import PROFILES
from siammcvae_core.model.siammcvae import SiamMCVAE

DESCRIPTION = 'Count the parameters of the learned systems, and the operations of a restoration.'


class Size(NamedTuple):
    """One row of the table: `parameters` of encoder and decoder, `operations` of one frame."""

    system: str
    profile: str
    references: int
    parameters: int
    operations: int


def size_of(system: str, profile: Any, ratio: float, frame: tuple[int, int] | None) -> Size:
    """Count for one frame (height, width), by default of the profile's size.

    `ratio` of its patches are lost.
    """
    ours = system == 'siammcvae'
    with torch.device('meta'):
        # The written-out attention, since not all fused kernels are counted.
        model: Any = (SiamMCVAE if ours else LEARNED_BASELINES[system].build)(profile, 'standard')
    # Values do not matter: whatever memory holds will do.
    model = model.to_empty(device='cpu').eval()
    references = 1 if ours else model.references
    damaged = torch.zeros(1, 3, *(frame or profile.size))
    patches = grid_of(damaged, profile.patch)
    lost = torch.arange(patches[0] * patches[1])[None] < round(ratio * patches[0] * patches[1])
    earlier = damaged[:, None].expand(-1, references, -1, -1, -1)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        if ours:
            model(earlier[:, 0], damaged, lost)
        else:
            model.predict(earlier, damaged, lost)
    operations = counter.get_total_flops()
    return Size(system, profile.name, references, _parameters(model), operations)


def sizes(
    names: Sequence[str], ratio: float = 0.75, frame: tuple[int, int] | None = None
) -> Iterator[Size]:
    """Count for the profiles of these names, or for all, of all systems; SiamMCVAE first."""
    tables: dict[str, Any] = {'siammcvae': PROFILES}
    tables |= {system: kind.profiles for system, kind in LEARNED_BASELINES.items()}
    for system, profiles in tables.items():
        for name, profile in profiles.items():
            if not names or name in names:
                yield size_of(system, profile, ratio, frame)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit status 2 for options that cannot be used."""
    parser = CommandParser('siammcvae_core.baselines.sizes', DESCRIPTION)
    parser.add_argument('profiles', nargs='*', help='only these, such as vit_b (default: all)')
    parser.add_argument(
        '--ratio', type=float, default=0.75, help='lost share of the patches (default: 0.75)'
    )
    return parser.run(print_sizes, arguments)


def print_sizes(options: argparse.Namespace) -> None:
    """Print the table, a row as soon as it is counted."""
    print(f'{"system":<10} {"profile":<8} {"references":>11} {"parameters":>12} {"GFLOP":>8}')
    for row in sizes(options.profiles, options.ratio):
        print(
            f'{row.system:<10} {row.profile:<8} {row.references:>11} '
            f'{row.parameters / 1e6:>10.1f} M {row.operations / 1e9:>8.1f}',
            flush=True,
        )


def _parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


if __name__ == '__main__':
    sys.exit(main())
