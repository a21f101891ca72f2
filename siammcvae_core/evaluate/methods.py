# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The methods by name, where their weights are, and how they are called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import difflib
from functools import partial
from pathlib import Path
import re
from typing import cast, TYPE_CHECKING

import numpy as np

from siammcvae_core.baselines.classical import Baseline, BASELINES
from siammcvae_core.engines import Engine, Restoration
from siammcvae_core.engines.factory import shipped
from siammcvae_core.errors import InputError, WeightsError
from siammcvae_core.evaluate.plan import CLASSICAL, LEARNED
from siammcvae_core.files import parse_json, sha256
from siammcvae_core.motion.references import References
from siammcvae_core.restore.uncertainty import expected_error

if TYPE_CHECKING:  # torch is imported where weights are
    from siammcvae_core.engines.torch import TorchEngine

KERNELS = ('adaptive', 'standard', 'flash', 'memory_efficient')
ENGINES = ('paper', 'drive')
MOVED = {'copy': False, 'const_velocity': True}  # rungs of the node, which judges them
SUFFIX = '.safetensors'
BEST = f'best{SUFFIX}'  # what training keeps in the folder of a run

Weights = Mapping[str, tuple[Path, ...]]
"""Weights files by method name; several are training runs of the same thing."""


@dataclass(frozen=True)
class Method:
    """A method as named on the command line, 'base' or 'base@variant', with its training runs.

    A variant is a label of its own weights, such as 'mae@vit_l'. An attention kernel as a variant
    runs the weights of the base with that kernel; 'no_reparam' and 'beta0.1' are checked against
    what the weights say of themselves.
    """

    name: str
    runs: tuple[Path, ...] = ()

    @property
    def base(self) -> str:
        """The name up to the '@'."""
        return self.name.partition('@')[0]

    @property
    def variant(self) -> str:
        """The name after the '@', '' without one."""
        return self.name.partition('@')[2]

    def run(self, number: int) -> Path | None:
        """Give the weights that serve the `number`-th seed; None for a method without weights."""
        return self.runs[number % len(self.runs)] if self.runs else None


@dataclass(frozen=True)
class Contestant:
    """A loaded method.

    `observe` prepares kept frames when they come; `restore` gives a frame that is meaningful where
    lost, called as the peers of `baselines/classical.py` are.
    """

    observe: Callable[[References], References]
    restore: Callable[[References, np.ndarray, np.ndarray, float], Restoration]


def parse_weights(arguments: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    """Read 'method=path' and folders.

    A path is a weights file, a folder of them, one per training run, the folder of a run, or a
    folder of those. A folder on its own holds such a path per method, `<method>.safetensors` or
    `<method>/`.
    """
    found: dict[str, tuple[Path, ...]] = {}
    for text in arguments:
        name, equals, path = text.partition('=')
        if equals:
            _check_name(name)
            found[name] = _runs(Path(path).expanduser())
            continue
        folder = Path(text).expanduser()
        if not folder.is_dir():
            raise InputError(f'--weights {text}: expected METHOD=PATH, or a folder named by method')
        for entry in sorted(folder.iterdir()):
            label = entry.name.removesuffix(SUFFIX)
            if label.partition('@')[0] in LEARNED and (entry.suffix == SUFFIX or entry.is_dir()):
                found[label] = _runs(entry)
    return found


def find_methods(names: Sequence[str], weights: Weights) -> tuple[list[Method], dict[str, str]]:
    """Look methods up; gives those that can run and, by name, why the others cannot.

    Raises InputError for a name that no method has.
    """
    ready, missing = [], {}
    for name in names:
        _check_name(name)
        method = Method(name)
        if method.base in CLASSICAL:
            ready.append(method)
            continue
        runs = weights.get(name) or (weights.get(method.base) if method.variant in KERNELS else ())
        packaged = shipped(name)
        if not runs and packaged is not None:
            runs = (packaged,)
        if runs:
            ready.append(Method(name, runs))
        else:
            missing[name] = f'no weights: train it, then give --weights {name}=PATH'
    return ready, missing


def load(method: Method, weights: Path | None) -> Contestant:
    """Load a method; raises InputError or WeightsError where it cannot serve."""
    if weights is None:
        return Contestant(
            _as_they_are, _by_baseline(BASELINES[method.base], MOVED.get(method.base))
        )
    try:
        import torch
    except ModuleNotFoundError as error:
        raise WeightsError(f'{weights}: needs PyTorch; pip install torch') from error
    torch.set_num_threads(1)  # workers share the cores; and results must not depend on how many
    _check_claim(method, weights)
    gpu = torch.cuda.is_available()
    where = ('cuda', torch.float16) if gpu else ('cpu', torch.float32)
    if method.base in ENGINES:
        from siammcvae_core.engines.factory import load_torch_engine

        engine = load_torch_engine(weights, *where)
        if method.variant in KERNELS:
            _use_kernel(cast('TorchEngine', engine), method.variant)
        return _by_engine(engine)
    from siammcvae_core.baselines.learned import TrainedBaseline

    baseline = TrainedBaseline(weights, *where)
    if baseline.name != method.base:
        raise WeightsError(f'{weights}: holds weights of {baseline.name!r}, not of {method.base!r}')
    return Contestant(_as_they_are, _by_baseline(baseline))


def describe(path: Path) -> dict[str, str]:
    """Say of a weights file what it is: its metadata and a hash; raises WeightsError."""
    from safetensors import safe_open, SafetensorError

    try:
        with safe_open(path, framework='numpy') as file:
            return {**(file.metadata() or {}), 'sha256': sha256(path)}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f'{path}: not a readable safetensors file: {error}') from error


def _check_claim(method: Method, weights: Path) -> None:
    """Refuse weights that say of themselves other than the variant's name does."""
    try:
        told = parse_json(describe(weights).get('siammcvae_profile', '{}'))
    except WeightsError:
        raise
    except ValueError as error:
        raise WeightsError(f'{weights}: not a profile: {error}') from error
    claims: dict[str, object] = {}
    if method.variant == 'no_reparam':
        claims['reparameterise'] = False
    elif match := re.fullmatch(r'beta([0-9.]+)', method.variant):
        claims['beta'] = float(match[1])
    for key, due in claims.items():
        if told.get(key) != due:
            raise WeightsError(
                f'{weights}: {method.name} needs weights with {key} = {due}, these have '
                f'{told.get(key)}'
            )


def _use_kernel(engine: 'TorchEngine', kernel: str) -> None:
    """Let all attention of a loaded engine be computed by one kernel."""
    from siammcvae_core.model.vit import Attention

    for module in engine.model.modules():
        if isinstance(module, Attention):
            module.kernel = kernel


def _by_engine(engine: Engine) -> Contestant:
    def observe(references: References) -> References:
        references.frames[0].encoded_by(engine.encode_reference)
        return references

    def restore(
        references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> Restoration:
        return engine.restore(references, frame, mask, stamp)

    return Contestant(observe, restore)


def _by_baseline(baseline: Baseline, moved: bool | None = None) -> Callable[..., Restoration]:
    """Let a peer answer as engines do; with `moved` the node tells how wrong it may be."""

    def restore(
        references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> Restoration:
        told = None
        if moved is not None:
            told = partial(expected_error, references, mask, stamp, moved)
        return Restoration(baseline(references, frame, mask, stamp), told)

    return restore


def _as_they_are(references: References) -> References:
    return references


def _check_name(name: str) -> None:
    base = name.partition('@')[0]
    known = (*CLASSICAL, *LEARNED)
    if base not in known:
        near = difflib.get_close_matches(base, known, n=1)
        hint = f', did you mean {near[0]!r}?' if near else ''
        raise InputError(f'no method {base!r} (valid: {", ".join(known)}){hint}')
    if base in CLASSICAL and name != base:
        raise InputError(f'method {base!r} has no variants, got {name!r}')


def _runs(path: Path) -> tuple[Path, ...]:
    """Give the weights files of training runs: as named by the user, or as `train` leaves them."""
    if path.is_file():
        return (path,)
    for files in (BEST, f'*/{BEST}', f'*{SUFFIX}'):
        if runs := tuple(sorted(path.glob(files))):
            return runs
    raise WeightsError(f'{path}: no such weights file, nor a folder of {SUFFIX} files')
