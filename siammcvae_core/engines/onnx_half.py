# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An exported module with its products in half precision and all else as it was.

As mixed precision in PyTorch does: matrix products and convolutions take and return float16; layer
norms, softmax, inputs and outputs stay float32. The types are in the graph itself, so that no
library has to choose them.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

PRODUCTS = ('MatMul', 'Gemm', 'Conv')


def half(module: bytes) -> bytes:
    """Turn an ONNX file in float32 into one whose products are in float16."""
    model = onnx.load_from_string(module)
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    halved: set[str] = set()  # tensors that have a counterpart in float16
    nodes = []
    for node in graph.node:
        if node.op_type in PRODUCTS:
            for k, name in enumerate(node.input):
                if name not in halved:
                    halved.add(name)
                    if name in weights:
                        rounded = numpy_helper.to_array(weights[name]).astype(np.float16)
                        graph.initializer.append(numpy_helper.from_array(rounded, _half(name)))
                    else:
                        nodes.append(_cast(name, _half(name), TensorProto.FLOAT16))
                node.input[k] = _half(name)
            result = node.output[0]
            node.output[0] = f'{result}_product'
            nodes += [node, _cast(node.output[0], result, TensorProto.FLOAT)]
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    for name, tensor in weights.items():
        if name not in used:
            graph.initializer.remove(tensor)
    return model.SerializeToString()


def _half(name: str) -> str:
    return f'{name}_half'


def _cast(source: str, target: str, to: int) -> onnx.NodeProto:
    return helper.make_node('Cast', [source], [target], f'{target}_cast', to=to)
