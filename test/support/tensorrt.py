# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime behind the calls of TensorRT, to test the code around them anywhere."""

import ctypes
import math
import pickle
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

FLOAT16 = onnx.TensorProto.FLOAT16
DTYPES = {
    'tensor(float)': np.float32, 'tensor(bool)': np.bool_, 'tensor(int64)': np.int64,
}  # fmt: skip


def rounding(module: bytes) -> bytes:
    """Turn a module into one in float32 that rounds where it casts to float16 or from it.

    ONNX Runtime computes float16 in float32 on CPUs and leaves out the casts between.
    """
    model = onnx.load_from_string(module)
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


def session_of(module: bytes):
    onnxruntime = pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(module, options, providers=['CPUExecutionProvider'])


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
        if name == 'reference_tokens':
            return 1, self._shapes['patches'][1], self._session.get_outputs()[0].shape[2]
        planes = {one.name: one.shape[1] for one in self._session.get_outputs()}[name]
        return 1, planes, *(side - 4 for side in self._shapes['features'][2:])

    def execute_async_v3(self, stream):
        assert stream == 7
        self._chosen.append(self._index)
        inputs = {}
        for name, dtype in self._types.items():
            size = math.prod(self._shapes[name]) * np.dtype(dtype).itemsize
            content = ctypes.string_at(self._addresses[name], size)
            inputs[name] = np.frombuffer(content, dtype).reshape(self._shapes[name])
        outputs = self._session.run(None, inputs)
        for one, array in zip(self._session.get_outputs(), outputs, strict=True):
            assert array.shape == self.get_tensor_shape(one.name)
            ctypes.memmove(self._addresses[one.name], array.tobytes(), array.nbytes)
        return True


class FakeEngine:
    def __init__(self, content, chosen):
        module, self._ranges = pickle.loads(content)
        self._session = session_of(rounding(module))
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
    """Those calls of TensorRT that run engines."""

    __name__ = 'tensorrt'
    __version__ = '10.3.0'

    def __init__(self):
        self.ILogger = type('ILogger', (), {'ERROR': 1})
        self.chosen = []  # which range of shapes each run was by

    def Runtime(self, messages):
        return self

    def deserialize_cuda_engine(self, content):
        return FakeEngine(content, self.chosen)
