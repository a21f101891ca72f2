# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The code that runs TensorRT's engines: the network, its buffers and its shapes.

Engines cannot run without a GPU: ONNX Runtime replaces the library, behind the same calls.
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

from siammcvae_core.engines import cpu, gpu, tensorrt  # noqa: E402
from siammcvae_core.engines.autotune import try_candidates  # noqa: E402
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
    rounded = session_of(rounding(model.SerializeToString())).run(None, {'x': x})[0]
    np.testing.assert_array_equal(rounded, x.astype(np.float16).astype(np.float32))


@pytest.fixture
def fake(monkeypatch):
    """Put ONNX Runtime behind the calls of TensorRT, and the CPU behind those of a GPU."""
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    library = FakeLibrary()
    monkeypatch.setattr(tensorrt, 'library', lambda: library)
    monkeypatch.setattr(tensorrt, 'gpu_name', lambda device: 'Orin 8.7 16SM')
    monkeypatch.setattr(
        tensorrt, 'build', lambda trt, module, ranges, logger: pickle.dumps((module, ranges))
    )
    monkeypatch.setattr(torch.cuda, 'Stream', lambda device: SimpleNamespace(cuda_stream=7))
    monkeypatch.setattr(torch.cuda, 'stream', lambda stream: nullcontext())
    return library


@pytest.mark.parametrize(('precision', 'mean', 'top'), [('float32', 0.01, 1), ('float16', 0.1, 2)])
@pytest.mark.parametrize('size', [(32, 48), (100, 150), (300, 700)])
def test_frames_come_out_as_from_pytorch(drive_weights, film, fake, precision, mean, top, size):
    network = partial(TensorRtNetwork, precision=precision, device='cpu')
    engine, pytorch = DriveEngine(drive_weights, network), DriveEngine(drive_weights)
    assert engine.describe()['name'] == 'tensorrt'
    assert engine.describe()['dtype'] == precision
    assert engine.describe()['device'] == 'Orin 8.7 16SM'
    references, frame = film(size)
    for fault in FAULTS:
        mask = make_mask(fault, size, np.random.default_rng(1))
        restored, expected = (
            one.restore(references, frame, mask, 0.2).frame[mask] for one in (engine, pytorch)
        )
        off = np.abs(restored.astype(int) - expected)
        assert np.quantile(off, 0.999) <= top
        assert off.mean() <= mean


def test_half_precision_of_the_shipped_weights_is_within_the_bound(fake):
    candidates = {'torch': TorchNetwork, 'tensorrt': partial(TensorRtNetwork, device='cpu')}
    _, trial = try_candidates(shipped('drive'), candidates)
    assert trial.agrees
    assert trial.mean > 0  # or it was not half precision


def test_little_damage_runs_what_is_tuned_for_it(drive_weights, film, fake):
    engine = DriveEngine(drive_weights, partial(TensorRtNetwork, device='cpu'))
    for fault, tuned in (('block:0.05', 0), ('random:0.75', 1)):
        references, frame = film((368, 640))
        fake.chosen.clear()
        engine.restore(references, frame, make_mask(fault, (368, 640), np.random.default_rng(1)), 0)
        assert fake.chosen == [0, tuned]  # the frame, then its damaged part


def test_tensors_may_have_any_memory_layout(drive_weights, film, fake, monkeypatch):
    engine = DriveEngine(drive_weights, partial(TensorRtNetwork, device='cpu'))
    size = (96, 160)
    mask = make_mask('random:0.75', size, np.random.default_rng(1))
    tokens = engine.encode_reference(film(size)[0].frames[0].frame)
    columns = tokens.transpose(1, 2).contiguous().transpose(1, 2)
    assert not columns.is_contiguous()
    restorations = []
    for encoded in (tokens, columns):
        monkeypatch.setattr(engine, 'encode_reference', lambda _, encoded=encoded: encoded)
        references, frame = film(size)
        restorations.append(engine.restore(references, frame, mask, 0.2))
    one, other = restorations
    np.testing.assert_array_equal(one.frame[mask], other.frame[mask])
    np.testing.assert_array_equal(one.expected_error(), other.expected_error())


def test_the_largest_frame_fits_and_a_larger_one_is_refused(drive_weights, film, fake):
    engine = DriveEngine(drive_weights, partial(TensorRtNetwork, device='cpu'))
    references, frame = film((900, 900))
    restoration = engine.restore(references, frame, np.ones((900, 900), bool), 0.2)
    assert restoration.frame.shape == frame.shape
    patches, positions = (np.zeros((1, 1601, size), np.float32) for size in (768, 2))
    with pytest.raises(RuntimeError, match='no engine for a frame of 1601 patches'):
        engine.network.encode({'patches': patches, 'patch_positions': positions})


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
    ('candidate', 'said'),
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
    drive_weights, fake, monkeypatch, caplog, candidate, said
):
    networks = {'torch float16': TorchNetwork, 'tensorrt float16': candidate}
    monkeypatch.setattr(gpu, 'candidates', lambda policy: networks)
    with caplog.at_level(logging.WARNING):
        engine = FastestGpuEngine(drive_weights)
    assert type(engine.network) is TorchNetwork
    assert said in caplog.text
    assert ('off by' in engine.describe()['choice']) == (candidate is Brighter)


def test_the_network_that_was_tried_serves_and_is_not_built_again(
    drive_weights, fake, monkeypatch, caplog
):
    networks = {
        'torch': TorchNetwork,
        'tensorrt': partial(TensorRtNetwork, policy=BuildPolicy.REBUILD, device='cpu'),
    }
    monkeypatch.setattr(gpu, 'candidates', lambda policy: networks)
    monkeypatch.setattr(gpu, 'fastest', lambda trials: trials[1])
    engine = FastestGpuEngine(drive_weights)
    assert type(engine.network) is TensorRtNetwork
    assert caplog.text.count('BUILDING') == 2


def test_a_gpu_that_does_not_serve_leaves_the_cpu(drive_weights, monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(gpu, 'candidates', lambda policy: {'torch float16': out_of_memory})
    monkeypatch.setattr(cpu, 'candidates', lambda: {'torch float32': TorchNetwork})
    engine = load_engine(drive_weights)
    assert engine is not None
    assert engine.describe()['device'] == 'cpu'
    assert 'the CPU serves, not the GPU: OutOfMemoryError' in caplog.text
