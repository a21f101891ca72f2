# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What runs TensorRT's engines is right: the network, its buffers and its shapes.

Without a GPU engines cannot run. ONNX Runtime stands in for the library, behind the same calls.
"""

from contextlib import nullcontext
from functools import partial
import logging
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')
onnx = pytest.importorskip('onnx', reason='onnx is not installed, so nothing can be exported')

from support.tensorrt import FakeLibrary, rounding, session_of  # noqa: E402

from siammcvae_core.alignment.features import extract_features  # noqa: E402
from siammcvae_core.engines import cpu, gpu, tensorrt  # noqa: E402
from siammcvae_core.engines.autotune import compare  # noqa: E402
from siammcvae_core.engines.drive import DriveEngine  # noqa: E402
from siammcvae_core.engines.drive_torch import TorchNetwork  # noqa: E402
from siammcvae_core.engines.engine_cache import BuildPolicy  # noqa: E402
from siammcvae_core.engines.factory import load_engine, shipped  # noqa: E402
from siammcvae_core.engines.gpu import FastestGpuEngine  # noqa: E402
from siammcvae_core.engines.tensorrt import TensorRtNetwork  # noqa: E402
from siammcvae_core.errors import InputError  # noqa: E402
from siammcvae_core.faults.masks import make_mask  # noqa: E402

FAULTS = ('random:0.75', 'band:0.25', 'block:0.05', 'random:1')
FLOAT16, FLOAT32 = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT


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
    assert tried.mean > 0  # or it was not half precision


def test_little_damage_runs_what_is_tuned_for_it(drive_weights, film, fake):
    engine = DriveEngine(drive_weights, partial(TensorRtNetwork, device='cpu'))
    for fault, tuned in (('block:0.05', 0), ('random:0.75', 1)):
        references, frame = film((368, 640))
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
    part = engine.part(extract_features(references, frame, mask, 0.2))
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
    second = TensorRtNetwork(drive_weights, BuildPolicy.LOAD_ONLY, device='cpu')
    assert [one.seconds for one in second.fetched.values()] == [None, None]
    with pytest.raises(InputError, match='of precision float16, not float32'):
        TensorRtNetwork(drive_weights, BuildPolicy.LOAD_ONLY, 'float32', 'cpu')


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
            partial(TensorRtNetwork, policy=BuildPolicy.LOAD_ONLY, device='cpu'),
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
    found = partial(TensorRtNetwork, policy=BuildPolicy.REBUILD, device='cpu')

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
    engine = load_engine(drive_weights)
    assert engine is not None
    assert engine.describe()['device'] == 'cpu'
    assert 'the CPU serves, not the GPU: OutOfMemoryError' in caplog.text
