# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT takes every part as it is meant; what runs engines is right wherever the library is.

Without a GPU engines cannot run. They are built by TensorRT-RTX, which needs none, in a process of
its own; and ONNX Runtime stands in for the library, behind the same calls, to show that the
network, its buffers and its shapes are right.
"""

from contextlib import nullcontext
import ctypes
from functools import partial
import json
import logging
import math
import pickle
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')
onnx = pytest.importorskip('onnx', reason='onnx is not installed, so nothing can be exported')

from siammcvae_core.engines import cpu, gpu, tensorrt, tensorrt_build  # noqa: E402
from siammcvae_core.engines.drive import DriveEngine  # noqa: E402
from siammcvae_core.engines.drive_torch import TorchNetwork  # noqa: E402
from siammcvae_core.engines.engine_cache import Policy  # noqa: E402
from siammcvae_core.engines.gpu import FastestGpuEngine  # noqa: E402
from siammcvae_core.engines.network import RESTORE_OUTPUTS  # noqa: E402
from siammcvae_core.engines.onnx_export import exported, PARTS  # noqa: E402
from siammcvae_core.engines.onnx_half import half  # noqa: E402
from siammcvae_core.engines.pick import pick, shipped  # noqa: E402
from siammcvae_core.engines.tensorrt import TensorRtNetwork  # noqa: E402
from siammcvae_core.engines.tensorrt_build import RANGES  # noqa: E402
from siammcvae_core.engines.trial import compare  # noqa: E402
from siammcvae_core.errors import InputError  # noqa: E402
from siammcvae_core.evidence.gather import gather  # noqa: E402
from siammcvae_core.faults.masks import make_mask  # noqa: E402
from siammcvae_core.model.drive import SIZES  # noqa: E402

FAULTS = ('random:0.75', 'band:0.25', 'block:0.05', 'random:1')
FLOAT16, FLOAT32 = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
DTYPES = {
    'tensor(float)': np.float32, 'tensor(bool)': np.bool_, 'tensor(int64)': np.int64,
}  # fmt: skip

BUILD = """
import collections, json, sys
from pathlib import Path
import tensorrt_rtx as trt
from siammcvae_core.engines.onnx_export import exported
from siammcvae_core.engines.onnx_half import half
from siammcvae_core.engines.tensorrt_build import build, messages, RANGES

weights, name = Path(sys.argv[1]), sys.argv[2]
parts = exported(weights)
content = half(getattr(parts, name))

class Log(trt.ILogger):
    said = []
    last = ''
    def __init__(self):
        trt.ILogger.__init__(self)
    def log(self, severity, text):
        if severity <= trt.ILogger.WARNING:
            self.said.append(text)

log = Log()
asked = trt.Builder(log)
empty = asked.create_network(0)
whole = trt.OnnxParser(empty, log).supports_model_v2(content)
builder = trt.Builder(log)
network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
parser = trt.OnnxParser(network, log)
parser.parse(content)
types = collections.defaultdict(set)
for k in range(network.num_layers):
    layer = network.get_layer(k)
    types[layer.type.name].add(layer.get_output(0).dtype.name)
inputs = [network.get_input(k) for k in range(network.num_inputs)]
print(json.dumps({
    'whole': whole,
    'types': {name: sorted(found) for name, found in types.items()},
    'inputs': {one.name: one.dtype.name for one in inputs},
    'on host': [one.name for one in inputs if one.is_shape_tensor],
    'outputs': [network.get_output(k).dtype.name for k in range(network.num_outputs)],
    'size': len(build(trt, content, RANGES[name](parts.profile), log)),
    'said': log.said,
}))
"""


@pytest.mark.parametrize('part', PARTS)
def test_every_part_is_built_by_tensorrt_in_the_precision_that_is_meant(part: str) -> None:
    pytest.importorskip('tensorrt_rtx', reason='tensorrt-rtx is not installed')
    command = [sys.executable, '-c', BUILD, str(shipped('drive')), part]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    built = json.loads(done.stdout.splitlines()[-1])
    assert built['whole']
    assert built['size'] > 1e6
    types = built['types']
    assert types['MATRIX_MULTIPLY'] == ['HALF']
    assert types.get('CONVOLUTION', ['HALF']) == ['HALF']
    assert types['SOFTMAX'] == types['NORMALIZATION'] == ['FLOAT']
    assert set(built['outputs']) == {'FLOAT'}
    assert set(built['inputs'].values()) <= {'FLOAT', 'BOOL', 'INT64'}
    assert built['on host'] == []
    # It only reminds us to give it the 64 bit integers that it was told of.
    assert [text for text in built['said'] if 'has Int64 binding' not in text] == []


def test_what_tensorrt_does_not_know_is_named(drive_weights):
    trt = pytest.importorskip('tensorrt_rtx', reason='tensorrt-rtx is not installed')
    model = onnx.load_from_string(exported(drive_weights).encode_reference)
    model.graph.node[-1].op_type = 'Guess'
    ranges = RANGES['encode_reference'](exported(drive_weights).profile)
    logger = tensorrt_build.messages(trt)
    with pytest.raises(RuntimeError, match=r'tensorrt_rtx does not take the model: .*Guess'):
        tensorrt_build.build(trt, model.SerializeToString(), ranges, logger)


@pytest.mark.parametrize('part', PARTS)
def test_half_precision_is_of_products_alone(drive_weights, part):
    whole = getattr(exported(drive_weights), part)
    lesser = half(whole)
    assert len(lesser) < 0.85 * len(whole)
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(lesser), strict_mode=True)
    onnx.checker.check_model(model)
    graph = model.graph
    types = {one.name: one.type.tensor_type.elem_type for one in (*graph.value_info, *graph.input)}
    types |= {one.name: one.type.tensor_type.elem_type for one in graph.output}
    types |= {one.name: one.data_type for one in graph.initializer}
    found = {'MatMul': 0, 'Conv': 0, 'Softmax': 0, 'LayerNormalization': 0}
    for node in graph.node:
        if node.op_type in found:
            found[node.op_type] += 1
            due = FLOAT16 if node.op_type in ('MatMul', 'Conv') else FLOAT32
            assert {types[name] for name in (*node.input, *node.output)} == {due}, node.name
    assert found['MatMul'] >= 15
    assert found['Softmax'] >= 2
    assert found['LayerNormalization'] >= 5
    assert found['Conv'] == (6 if part == 'restore' else 0)
    before = onnx.load_from_string(whole).graph
    assert (graph.input, graph.output) == (before.input, before.output)


def rounding(part: bytes) -> bytes:
    """Turn a part into one in float32 that rounds where it casted to float16 or from it.

    ONNX Runtime computes float16 in float32 on CPUs and leaves out the casts between.
    """
    model = onnx.load_from_string(part)
    nodes = []
    for node in model.graph.node:
        to = [one.i for one in node.attribute if node.op_type == 'Cast' and one.name == 'to']
        if to != [FLOAT16] and not (to and node.input[0].endswith('_product')):
            nodes.append(node)
            continue
        whole, rounded = node.input[0], node.output[0]
        for operation, *inputs, output in (
            ('Mul', whole, 'split', f'{rounded}_high'),
            ('Sub', f'{rounded}_high', whole, f'{rounded}_rest'),
            ('Sub', f'{rounded}_high', f'{rounded}_rest', rounded),
        ):
            nodes.append(onnx.helper.make_node(operation, inputs, [output]))
    weights = [onnx.numpy_helper.to_array(one) for one in model.graph.initializer]
    for one, array in zip(model.graph.initializer, weights, strict=True):
        if one.data_type == FLOAT16:
            one.CopyFrom(onnx.numpy_helper.from_array(array.astype(np.float32), one.name))
    split = np.float32(2**13 + 1)  # Dekker: leaves the 11 leading bits
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(split), 'split'))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model.SerializeToString()


def test_the_stand_in_rounds_as_float16():
    cast = partial(onnx.helper.make_node, 'Cast')
    tensor = partial(onnx.helper.make_tensor_value_info, elem_type=FLOAT32, shape=[999])
    nodes = [cast(['x'], ['x_half'], to=FLOAT16), cast(['x_half'], ['y'], to=FLOAT32)]
    graph = onnx.helper.make_graph(nodes, 'g', [tensor('x')], [tensor('y')])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)])
    model.ir_version = 8
    x = np.random.default_rng(0).normal(size=999, scale=10).astype(np.float32)
    got = session_of(rounding(model.SerializeToString())).run(None, {'x': x})[0]
    np.testing.assert_array_equal(got, x.astype(np.float16).astype(np.float32))


def session_of(part: bytes):
    onnxruntime = pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(part, options, providers=['CPUExecutionProvider'])


class FakeContext:
    """Computes by ONNX Runtime from and to bare addresses."""

    def __init__(self, session, ranges, chosen):
        self._session, self._ranges, self._chosen = session, ranges, chosen
        self._types = {one.name: DTYPES[one.type] for one in session.get_inputs()}
        self._shapes, self._addresses = {}, {}

    def set_optimization_profile_async(self, index, stream):
        self._least, _, self._most = self._ranges[index]
        self._index = index
        return True

    def set_input_shape(self, name, shape):
        self._shapes[name] = shape
        low, high = self._least[name], self._most[name]
        return all(a <= k <= b for a, k, b in zip(low, shape, high, strict=True))

    def set_tensor_address(self, name, address):
        self._addresses[name] = address

    def get_tensor_shape(self, name):
        if name == 'tokens':
            return 1, self._shapes['picture'][1], self._session.get_outputs()[0].shape[2]
        planes = dict(zip(RESTORE_OUTPUTS, SIZES, strict=True))[name]
        return 1, planes, *self._shapes['evidence'][2:]

    def execute_async_v3(self, stream):
        assert stream == 7
        self._chosen.append(self._index)
        given = {}
        for name, dtype in self._types.items():
            size = math.prod(self._shapes[name]) * np.dtype(dtype).itemsize
            content = ctypes.string_at(self._addresses[name], size)
            given[name] = np.frombuffer(content, dtype).reshape(self._shapes[name])
        for one, made in zip(
            self._session.get_outputs(), self._session.run(None, given), strict=True
        ):
            assert made.shape == self.get_tensor_shape(one.name)
            ctypes.memmove(self._addresses[one.name], made.tobytes(), made.nbytes)
        return True


class FakeEngine:
    def __init__(self, content, chosen):
        part, self._ranges = pickle.loads(content)
        self._session = session_of(rounding(part))
        self._chosen = chosen
        self._inputs = [one.name for one in self._session.get_inputs()]
        self._names = [*self._inputs, *(one.name for one in self._session.get_outputs())]
        self.num_io_tensors = len(self._names)
        self.num_optimization_profiles = len(self._ranges)

    def get_tensor_name(self, index):
        return self._names[index]

    def get_tensor_mode(self, name):
        return SimpleNamespace(name='INPUT' if name in self._inputs else 'OUTPUT')

    def get_tensor_profile_shape(self, name, index):
        return [shapes[name] for shapes in self._ranges[index]]

    def create_execution_context(self):
        return FakeContext(self._session, self._ranges, self._chosen)


class FakeLibrary:
    """The calls of TensorRT that running engines takes."""

    __name__ = 'tensorrt'
    __version__ = '10.3.0'

    def __init__(self):
        self.ILogger = type('ILogger', (), {'ERROR': 1})
        self.chosen = []  # which range of shapes each run was by

    def Runtime(self, messages):
        return self

    def deserialize_cuda_engine(self, content):
        return FakeEngine(content, self.chosen)


@pytest.fixture
def fake(monkeypatch):
    """Put ONNX Runtime behind the calls of TensorRT, and the CPU behind those of a GPU."""
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    made = FakeLibrary()
    monkeypatch.setattr(tensorrt, 'library', lambda: made)
    monkeypatch.setattr(tensorrt, 'gpu_name', lambda device: 'Orin 8.7 16SM')
    monkeypatch.setattr(
        tensorrt, 'build', lambda trt, part, ranges, logger: pickle.dumps((part, ranges))
    )
    monkeypatch.setattr(torch.cuda, 'Stream', lambda device: SimpleNamespace(cuda_stream=7))
    monkeypatch.setattr(torch.cuda, 'stream', lambda stream: nullcontext())
    return made


@pytest.mark.parametrize(('precision', 'mean', 'top'), [('float32', 0.01, 1), ('float16', 0.1, 2)])
@pytest.mark.parametrize('size', [(32, 48), (100, 150), (300, 700)])
def test_frames_come_out_as_from_pytorch(drive_weights, film, fake, precision, mean, top, size):
    network = partial(TensorRtNetwork, precision=precision, device='cpu')
    engine, right = DriveEngine(drive_weights, network), DriveEngine(drive_weights)
    assert engine.describe()['name'] == 'tensorrt'
    assert engine.describe()['dtype'] == precision
    assert engine.describe()['device'] == 'Orin 8.7 16SM'
    references, frame = film(size)
    for fault in FAULTS:
        mask = make_mask(fault, size, np.random.default_rng(1))
        got, due = (one.restore(references, frame, mask, 0.2) for one in (engine, right))
        off = np.abs(got.frame[mask].astype(int) - due.frame[mask])
        assert np.quantile(off, 0.999) <= top
        assert off.mean() <= mean


def test_half_precision_of_the_shipped_weights_is_within_the_bound(fake):
    ways = {'torch': TorchNetwork, 'tensorrt': partial(TensorRtNetwork, device='cpu')}
    _, tried = compare(shipped('drive'), ways)
    assert tried.agrees
    assert tried.mean > 1e-4  # or it was not half precision


def test_little_damage_runs_what_is_tuned_for_it(drive_weights, film, fake):
    engine = DriveEngine(drive_weights, partial(TensorRtNetwork, device='cpu'))
    references, frame = film((368, 640))
    for fault, tuned in (('block:0.05', 0), ('random:0.75', 1)):
        fake.chosen.clear()
        engine.restore(references, frame, make_mask(fault, (368, 640), np.random.default_rng(1)), 0)
        assert fake.chosen == [0, tuned]  # the frame, then its damaged part


def test_tensors_may_lie_in_memory_as_they_like(drive_weights, film, fake):
    engine = DriveEngine(drive_weights, partial(TensorRtNetwork, device='cpu'))
    references, frame = film((96, 160))
    newest = references.frames[0]
    tokens = engine.encode_reference(newest.frame)
    columns = tokens.transpose(1, 2).contiguous().transpose(1, 2)
    assert not columns.is_contiguous()
    mask = make_mask('random:0.75', (96, 160), np.random.default_rng(1))
    part = engine.part(gather(references, frame, mask, 0.2), frame, mask)
    due = [plane.copy() for plane in engine.network.restore(tokens, part.inputs)]
    np.testing.assert_equal(engine.network.restore(columns, part.inputs), due)


def test_the_largest_frame_fits_and_a_larger_one_is_refused(drive_weights, film, fake):
    engine = DriveEngine(drive_weights, partial(TensorRtNetwork, device='cpu'))
    references, frame = film((900, 900))
    made = engine.restore(references, frame, np.ones((900, 900), bool), 0.2)
    assert made.frame.shape == frame.shape
    picture = np.zeros((1, 1601, 768), np.float32)
    with pytest.raises(RuntimeError, match='no engine for a frame of 1601 patches'):
        engine.network.encode({'picture': picture, 'place': np.zeros((1, 1601, 2), np.float32)})


def test_the_second_start_loads_and_exports_nothing(drive_weights, fake, monkeypatch):
    first = TensorRtNetwork(drive_weights, device='cpu')
    assert all(one.seconds is not None for one in first.fetched.values())
    monkeypatch.setattr(tensorrt, 'exported', None)
    second = TensorRtNetwork(drive_weights, Policy.LOAD_ONLY, device='cpu')
    assert [one.seconds for one in second.fetched.values()] == [None, None]
    with pytest.raises(InputError, match='of precision float16, not float32'):
        TensorRtNetwork(drive_weights, Policy.LOAD_ONLY, 'float32', 'cpu')


def test_tensorrt_that_is_too_old_is_refused(monkeypatch):
    monkeypatch.setattr(tensorrt, 'find_spec', lambda name: name == 'tensorrt')
    monkeypatch.setattr(
        tensorrt, 'import_module', lambda name: SimpleNamespace(__version__='8.6.2')
    )
    with pytest.raises(InputError, match=r'TensorRT 8\.6\.2 is too old, 10 is needed'):
        tensorrt.library()
    monkeypatch.setattr(tensorrt, 'find_spec', lambda name: None)
    with pytest.raises(InputError, match='neither tensorrt nor tensorrt_rtx is installed'):
        tensorrt.library()


class Brighter(TorchNetwork):
    def restore(self, tokens, inputs):
        correction, weights, colour, log_scale = super().restore(tokens, inputs)
        return [correction, weights, colour + 1, log_scale]


def out_of_memory(weights):
    raise torch.cuda.OutOfMemoryError('CUDA out of memory')


@pytest.mark.parametrize(
    ('way', 'said'),
    [
        (Brighter, ''),
        (out_of_memory, 'tensorrt float16 does not serve: OutOfMemoryError: CUDA out of memory'),
        (
            partial(TensorRtNetwork, policy=Policy.LOAD_ONLY, device='cpu'),
            'build it with: ros2 run siammcvae_ros build_engine',
        ),
    ],
)
def test_pytorch_serves_where_tensorrt_does_not(
    drive_weights, fake, monkeypatch, caplog, way, said
):
    found = {'torch float16': TorchNetwork, 'tensorrt float16': way}
    monkeypatch.setattr(gpu, 'ways', lambda policy: found)
    with caplog.at_level(logging.WARNING):
        engine = FastestGpuEngine(drive_weights)
    assert type(engine.network) is TorchNetwork
    assert said in caplog.text
    assert ('off by' in engine.describe()['choice']) == (way is Brighter)


def test_what_was_tried_serves_and_is_not_built_again(drive_weights, fake, monkeypatch, caplog):
    found = partial(TensorRtNetwork, policy=Policy.REBUILD, device='cpu')

    class Slow(TorchNetwork):
        def restore(self, tokens, inputs):
            import time

            time.sleep(0.2)
            return super().restore(tokens, inputs)

    monkeypatch.setattr(gpu, 'ways', lambda policy: {'torch': Slow, 'tensorrt': found})
    engine = FastestGpuEngine(drive_weights)
    assert type(engine.network) is TensorRtNetwork
    assert caplog.text.count('BUILDING') == 2


def test_a_gpu_that_does_not_serve_leaves_the_cpu(drive_weights, monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(gpu, 'ways', lambda policy: {'torch float16': out_of_memory})
    monkeypatch.setattr(cpu, 'ways', lambda: {'torch float32': TorchNetwork})
    engine = pick(drive_weights)
    assert engine is not None
    assert engine.describe()['device'] == 'cpu'
    assert 'the CPU serves, not the GPU: OutOfMemoryError' in caplog.text
