# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT accepts both modules of the model, in the intended precision.

Engines are built by TensorRT-RTX, which needs no GPU for that, in a separate process.
"""

import json
import subprocess
import sys

import pytest

pytest.importorskip('torch', reason='PyTorch is not installed')
onnx = pytest.importorskip('onnx', reason='onnx is not installed, so nothing can be exported')

from siammcvae_core.engines import tensorrt_build  # noqa: E402
from siammcvae_core.engines.factory import shipped  # noqa: E402
from siammcvae_core.engines.onnx_export import exported, MODULES  # noqa: E402
from siammcvae_core.engines.onnx_half import half  # noqa: E402
from siammcvae_core.engines.tensorrt_build import RANGES  # noqa: E402

FLOAT16, FLOAT32 = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT

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
support = trt.Builder(log)
empty = support.create_network(0)
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
    'types': {name: sorted(counts) for name, counts in types.items()},
    'inputs': {one.name: one.dtype.name for one in inputs},
    'on host': [one.name for one in inputs if one.is_shape_tensor],
    'outputs': [network.get_output(k).dtype.name for k in range(network.num_outputs)],
    'size': len(build(trt, content, RANGES[name](parts.profile), log)),
    'said': log.said,
}))
"""


@pytest.mark.parametrize('module', MODULES)
def test_tensorrt_builds_every_module_in_the_intended_precision(module: str) -> None:
    pytest.importorskip('tensorrt_rtx', reason='tensorrt-rtx is not installed')
    command = [sys.executable, '-c', BUILD, str(shipped('drive')), module]
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
    # It warns of inputs of 64 bits only, which are intended.
    assert [text for text in built['said'] if 'has Int64 binding' not in text] == []


def test_an_operator_that_tensorrt_does_not_support_is_named(drive_weights):
    trt = pytest.importorskip('tensorrt_rtx', reason='tensorrt-rtx is not installed')
    model = onnx.load_from_string(exported(drive_weights).encode_reference)
    model.graph.node[-1].op_type = 'Guess'
    ranges = RANGES['encode_reference'](exported(drive_weights).profile)
    logger = tensorrt_build.messages(trt)
    with pytest.raises(RuntimeError, match=r'tensorrt_rtx does not take the model: .*Guess'):
        tensorrt_build.build(trt, model.SerializeToString(), ranges, logger)


@pytest.mark.parametrize('module', MODULES)
def test_half_precision_is_of_products_alone(drive_weights, module):
    whole = getattr(exported(drive_weights), module)
    halved = half(whole)
    assert len(halved) < 0.85 * len(whole)
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(halved), strict_mode=True)
    onnx.checker.check_model(model)
    graph = model.graph
    types = {one.name: one.type.tensor_type.elem_type for one in (*graph.value_info, *graph.input)}
    types |= {one.name: one.type.tensor_type.elem_type for one in graph.output}
    types |= {one.name: one.data_type for one in graph.initializer}
    counts = {'MatMul': 0, 'Conv': 0, 'Softmax': 0, 'LayerNormalization': 0}
    for node in graph.node:
        if node.op_type in counts:
            counts[node.op_type] += 1
            expected = FLOAT16 if node.op_type in ('MatMul', 'Conv') else FLOAT32
            assert {types[name] for name in (*node.input, *node.output)} == {expected}, node.name
    assert counts['MatMul'] >= 15
    assert counts['Softmax'] >= 2
    assert counts['LayerNormalization'] >= 5
    assert counts['Conv'] == (6 if module == 'restore' else 0)
    before = onnx.load_from_string(whole).graph
    assert (graph.input, graph.output) == (before.input, before.output)
