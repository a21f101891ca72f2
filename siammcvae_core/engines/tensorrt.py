# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model run by TensorRT, or by TensorRT-RTX, on an NVIDIA GPU.

Engines are built where they run, and cached (see `engine_cache`). They serve every size of frame
and every amount of damage: one for each module, that of the damaged part tuned twice, for little
damage and for much. Half precision is in the graph (see `onnx_half`), so the library keeps to it.
"""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from siammcvae_core.engines.crop import Inputs
from siammcvae_core.engines.engine_cache import BuildPolicy, fetch, Fetched, Key, UnusableEngine
from siammcvae_core.engines.network import describe_network, RESTORE_OUTPUTS
from siammcvae_core.engines.onnx_export import exported, FORMAT, MODULES
from siammcvae_core.engines.tensorrt_build import build, messages, Range, RANGES, Shapes
from siammcvae_core.errors import InputError
from siammcvae_core.files import sha256
from siammcvae_core.model.checkpoint import load_model
from siammcvae_core.model.drive import DriveMCVAE
from siammcvae_core.model.profiles import DriveProfile

LIBRARIES = ('tensorrt', 'tensorrt_rtx')
OLDEST = 10  # version that takes types from the graph, and integers of 64 bits


class TensorRtNetwork:
    """The drive model from a weights file; `precision` is float16 or float32.

    Raises `WeightsError` for a file that cannot serve, `InputError` without a library or without
    engines that may be built, RuntimeError where the library fails.
    """

    def __init__(
        self,
        weights: Path,
        policy: BuildPolicy = BuildPolicy.BUILD_IF_MISSING,
        precision: str = 'float16',
        device: str = 'cuda',
    ) -> None:
        profile = load_model(weights, DriveMCVAE, DriveProfile).profile
        trt = library()
        digest, gpu = sha256(weights), gpu_name(device)
        self._device = torch.device(device)
        self._stream = torch.cuda.Stream(self._device)
        self._messages = messages(trt)
        self._runtime = trt.Runtime(self._messages)
        self.fetched: dict[str, Fetched[Runner]] = {}
        for module in MODULES:
            ranges = RANGES[module](profile)
            version = f'{trt.__name__} {trt.__version__}'
            key = Key(module, digest, precision, f'{FORMAT}: {ranges}', version, gpu)
            build_engine = partial(_build, trt, weights, module, ranges, precision)
            self.fetched[module] = fetch(key, policy, build_engine, self._load)
        self._encode, self._restore = (self.fetched[module].engine for module in MODULES)
        self.patch, self.cell = profile.patch, profile.cell
        self._description = describe_network(
            trt.__name__, trt.__version__, profile.name, weights.name, digest, gpu, precision
        )

    def describe(self) -> dict[str, str]:
        """Name library, weights, device and precision."""
        return dict(self._description)

    @torch.inference_mode()
    def encode(self, inputs: Inputs) -> Tensor:
        """Encode an intact frame to tokens (1, N, D')."""
        with torch.cuda.stream(self._stream):
            return self._encode.run(self._tensors(inputs))['reference_tokens']

    @torch.inference_mode()
    def restore(self, tokens: Tensor, inputs: Inputs) -> Sequence[np.ndarray]:
        """Predict the damaged part of a frame."""
        with torch.cuda.stream(self._stream):
            outputs = self._restore.run({'reference_tokens': tokens, **self._tensors(inputs)})
            return [outputs[name].cpu().numpy() for name in RESTORE_OUTPUTS]

    def _tensors(self, inputs: Inputs) -> dict[str, Tensor]:
        return {name: torch.from_numpy(array).to(self._device) for name, array in inputs.items()}

    def _load(self, content: bytes) -> 'Runner':
        engine = self._runtime.deserialize_cuda_engine(content)
        if engine is None:
            raise UnusableEngine(f'the library cannot read it: {self._messages.last}')
        return Runner(engine, self._device, self._stream, self._messages)


class Runner:
    """Runs an engine on PyTorch's tensors on a GPU; for one thread at a time."""

    def __init__(
        self, engine: Any, device: torch.device, stream: torch.cuda.Stream, messages: Any
    ) -> None:
        names = [engine.get_tensor_name(k) for k in range(engine.num_io_tensors)]
        inputs = [name for name in names if engine.get_tensor_mode(name).name == 'INPUT']
        self._outputs = [name for name in names if name not in inputs]
        self._device, self._stream, self._messages = device, stream.cuda_stream, messages
        self._contexts = []
        for k in range(engine.num_optimization_profiles):
            context = engine.create_execution_context()
            if context is None or not context.set_optimization_profile_async(k, self._stream):
                raise RuntimeError(f'no memory on the GPU for an engine: {messages.last}')
            most = {name: tuple(engine.get_tensor_profile_shape(name, k)[2]) for name in inputs}
            self._contexts.append((context, most))

    def run(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the outputs by name, on the stream; raises RuntimeError where that fails."""
        inputs = {name: tensor.contiguous() for name, tensor in inputs.items()}
        shapes = {name: tuple(tensor.shape) for name, tensor in inputs.items()}
        context = self._context_for(shapes)
        for name, tensor in inputs.items():
            if not context.set_input_shape(name, shapes[name]):
                last = self._messages.last
                raise RuntimeError(f'{name} of shape {shapes[name]} refused: {last}')
            context.set_tensor_address(name, tensor.data_ptr())
        outputs = {}
        for name in self._outputs:
            shape = tuple(context.get_tensor_shape(name))
            outputs[name] = torch.empty(shape, device=self._device)
            context.set_tensor_address(name, outputs[name].data_ptr())
        if not context.execute_async_v3(self._stream):
            raise RuntimeError(f'the engine failed: {self._messages.last}')
        return outputs

    def _context_for(self, shapes: Shapes) -> Any:
        """Choose the context tuned for the smallest shapes that are large enough."""
        for context, most in self._contexts:
            if all(np.less_equal(shapes[name], most[name]).all() for name in most):
                return context
        raise RuntimeError(f'no engine for a frame of {shapes["patches"][1]} patches')


def library() -> Any:
    """Import TensorRT or TensorRT-RTX; raises `InputError` where neither serves."""
    for name in LIBRARIES:
        if find_spec(name):
            trt = import_module(name)
            if name == 'tensorrt' and int(trt.__version__.split('.')[0]) < OLDEST:
                raise InputError(f'TensorRT {trt.__version__} is too old, {OLDEST} is needed')
            return trt
    raise InputError(f'neither {" nor ".join(LIBRARIES)} is installed')


def gpu_name(device: str) -> str:
    """Name the kind of a GPU: engines built on one serve all others of that name."""
    gpu = torch.cuda.get_device_properties(device)
    # All boards of a family, from the smallest to the largest, may be called 'Orin'.
    return f'{gpu.name} {gpu.major}.{gpu.minor} {gpu.multi_processor_count}SM'


def _build(trt: Any, weights: Path, module: str, ranges: Sequence[Range], precision: str) -> bytes:
    if not find_spec('onnx'):
        raise InputError('building engines needs the package onnx: pip install onnx')
    content = getattr(exported(weights), module)
    if precision != 'float32':
        from siammcvae_core.engines.onnx_half import half

        content = half(content)
    return build(trt, content, ranges, messages(trt))
