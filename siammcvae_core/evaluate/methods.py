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
from siammcvae_core.files import expand_user, parse_json, sha256
from siammcvae_core.motion.references import References
from siammcvae_core.restore.uncertainty import expected_error

if TYPE_CHECKING:  # torch is imported where weights are
    from siammcvae_core.engines.torch import TorchEngine

KERNELS = ('adaptive', 'standard', 'flash', 'memory_efficient')
ENGINES = ('paper', 'drive')
SEQUENCES = 'ode2_facvae'  # looks at the times of all references
EXTRAPOLATES = {'copy': False, 'const_velocity': True, 'mean_velocity': True}
"""Whether motion is extrapolated, by the baselines whose errors `uncertainty` predicts."""
SUFFIX = '.safetensors'
BEST = f'best{SUFFIX}'  # what training keeps in the folder of a run

Weights = Mapping[str, tuple[Path, ...]]
"""Weights files by method name; several are training runs of the same thing."""


@dataclass(frozen=True)
class EvaluatedMethod:
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
        """Return the weights for the `number`-th seed; None for a method without weights."""
        return self.runs[number % len(self.runs)] if self.runs else None


@dataclass(frozen=True)
class LoadedMethod:
    """A loaded method.

    `observe` prepares reference frames when they arrive; `restore` takes what the baselines in
    `baselines/classical.py` take and returns a frame of which only the lost pixels count.
    """

    observe: Callable[[References], References]
    restore: Callable[[References, np.ndarray, np.ndarray, float], Restoration]


def parse_weights(arguments: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    """Read 'method=path' and folders.

    A path is a weights file, the name of one in the package, a folder of them, one per training
    run, the folder of a run, or a folder of those. A folder on its own holds such a path per
    method, `<method>.safetensors` or `<method>/`.
    """
    found: dict[str, tuple[Path, ...]] = {}
    for text in arguments:
        name, equals, path = text.partition('=')
        if equals:
            _check_name(name)
            found[name] = _runs(shipped(path) or expand_user(path))
            continue
        folder = expand_user(text)
        if not folder.is_dir():
            raise InputError(f'--weights {text}: expected METHOD=PATH, or a folder named by method')
        for entry in sorted(folder.iterdir()):
            label = entry.name.removesuffix(SUFFIX)
            if label.partition('@')[0] in LEARNED and (entry.suffix == SUFFIX or entry.is_dir()):
                found[label] = _runs(entry)
    return found


def find_methods(
    names: Sequence[str], weights: Weights
) -> tuple[list[EvaluatedMethod], dict[str, str]]:
    """Look methods up; returns those that can run and, by name, why the others cannot.

    Raises InputError for a name that no method has.
    """
    ready, missing = [], {}
    for name in names:
        _check_name(name)
        method = EvaluatedMethod(name)
        if method.base in CLASSICAL:
            ready.append(method)
            continue
        runs = weights.get(name) or (weights.get(method.base) if method.variant in KERNELS else ())
        packaged = shipped(name)
        if not runs and packaged is not None:
            runs = (packaged,)
        if runs:
            ready.append(EvaluatedMethod(name, runs))
        else:
            missing[name] = f'no weights: train it, then add --weights {name}=PATH'
    return ready, missing


def load(method: EvaluatedMethod, weights: Path | None) -> LoadedMethod:
    """Load a method; raises InputError or WeightsError where it cannot be used."""
    if weights is None:
        extrapolates = EXTRAPOLATES.get(method.base)
        return LoadedMethod(_unchanged, _by_baseline(BASELINES[method.base], extrapolates))
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
    if method.base == SEQUENCES:
        from siammcvae_core.baselines.imputer import SequenceImputer

        return LoadedMethod(_unchanged, SequenceImputer(weights, where[0]).restore)
    from siammcvae_core.baselines.learned import TrainedBaseline

    baseline = TrainedBaseline(weights, *where)
    if baseline.name != method.base:
        raise WeightsError(f'{weights}: holds weights of {baseline.name!r}, not of {method.base!r}')
    return LoadedMethod(_unchanged, _by_baseline(baseline))


def describe(path: Path) -> dict[str, str]:
    """Return the metadata of a weights file and its hash; raises WeightsError."""
    from safetensors import safe_open, SafetensorError

    try:
        with safe_open(path, framework='numpy') as file:
            return {**(file.metadata() or {}), 'sha256': sha256(path)}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f'{path}: not a readable safetensors file: {error}') from error


def _check_claim(method: EvaluatedMethod, weights: Path) -> None:
    """Refuse weights whose profile contradicts the name of the variant."""
    try:
        profile = parse_json(describe(weights).get('siammcvae_profile', '{}'))
    except WeightsError:
        raise
    except ValueError as error:
        raise WeightsError(f'{weights}: not a profile: {error}') from error
    required: dict[str, object] = {}
    if method.variant == 'no_reparam':
        required['reparameterise'] = False
    elif match := re.fullmatch(r'beta([0-9.]+)', method.variant):
        required['beta'] = float(match[1])
    for key, value in required.items():
        if profile.get(key) != value:
            raise WeightsError(
                f'{weights}: {method.name} needs weights with {key} = {value}, these have '
                f'{profile.get(key)}'
            )


def _use_kernel(engine: 'TorchEngine', kernel: str) -> None:
    """Compute all attention of a loaded engine by one kernel."""
    from siammcvae_core.model.vit import Attention

    for module in engine.model.modules():
        if isinstance(module, Attention):
            module.kernel = kernel


def _by_engine(engine: Engine) -> LoadedMethod:
    def observe(references: References) -> References:
        references.frames[0].encoded_by(engine.encode_reference)
        return references

    def restore(
        references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> Restoration:
        return engine.restore(references, frame, mask, stamp)

    return LoadedMethod(observe, restore)


def _by_baseline(
    baseline: Baseline, extrapolates: bool | None = None
) -> Callable[..., Restoration]:
    """Call a baseline as engines are called; with `extrapolates` its errors are predicted, too."""

    def restore(
        references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> Restoration:
        errors = None
        if extrapolates is not None:
            errors = partial(expected_error, references, mask, stamp, extrapolates)
        return Restoration(baseline(references, frame, mask, stamp), errors)

    return restore


def _unchanged(references: References) -> References:
    return references


def _check_name(name: str) -> None:
    base = name.partition('@')[0]
    names = (*CLASSICAL, *LEARNED)
    if base not in names:
        near = difflib.get_close_matches(base, names, n=1)
        hint = f', did you mean {near[0]!r}?' if near else ''
        raise InputError(f'no method {base!r} (valid: {", ".join(names)}){hint}')
    if base in CLASSICAL and name != base:
        raise InputError(f'method {base!r} has no variants, got {name!r}')


def _runs(path: Path) -> tuple[Path, ...]:
    """List the weights files of training runs: as named by the user, or as `train` writes them."""
    if path.is_file():
        return (path,)
    for files in (BEST, f'*/{BEST}', f'*{SUFFIX}'):
        if runs := tuple(sorted(path.glob(files))):
            return runs
    raise WeightsError(f'{path}: no such weights file, nor a folder of {SUFFIX} files')
