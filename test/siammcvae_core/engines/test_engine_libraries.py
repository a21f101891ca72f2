# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime and OpenVINO restore as PyTorch does; exported files are as documented."""

from functools import partial
from pathlib import Path
import re

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')
pytest.importorskip('onnx', reason='onnx is not installed, so nothing can be exported')

from siammcvae_core.engines.__main__ import main  # noqa: E402
from siammcvae_core.engines.drive import DriveEngine  # noqa: E402
from siammcvae_core.engines.network import (  # noqa: E402
    ENCODE_INPUTS,
    ENCODE_OUTPUTS,
    RESTORE_INPUTS,
    RESTORE_OUTPUTS,
)
from siammcvae_core.engines.onnx_export import exported  # noqa: E402
from siammcvae_core.faults.masks import make_mask  # noqa: E402
from siammcvae_core.model import drive_export  # noqa: E402

FAULTS = ('random:0.75', 'band:0.25', 'block:0.05', 'random:1')


def network_of(library, dtype):
    if library == 'onnxruntime':
        pytest.importorskip(library, reason=f'{library} is not installed')
        from siammcvae_core.engines.onnx import OnnxNetwork

        return OnnxNetwork
    pytest.importorskip(library, reason=f'{library} is not installed')
    from siammcvae_core.engines.openvino import OpenVinoNetwork, precisions

    if dtype not in precisions():
        pytest.skip(f'this CPU does not compute in {dtype}')
    return partial(OpenVinoNetwork, dtype=dtype)


@pytest.mark.parametrize(
    ('library', 'dtype', 'bound'),
    [('onnxruntime', 'float32', 0), ('openvino', 'float32', 0), ('openvino', 'bfloat16', 2)],
)
@pytest.mark.parametrize('size', [(112, 192), (100, 150), (300, 700)])
def test_frames_come_out_as_from_pytorch(drive_weights, film, library, dtype, bound, size):
    engine = DriveEngine(drive_weights, network_of(library, dtype))
    assert engine.describe()['name'] == library
    assert engine.describe()['dtype'] == dtype
    pytorch = DriveEngine(drive_weights)
    references, frame = film(size)
    for fault in FAULTS:
        mask = make_mask(fault, size, np.random.default_rng(1))
        restored, expected = (
            one.restore(references, frame, mask, 0.2) for one in (engine, pytorch)
        )
        off = np.abs(restored.frame[mask].astype(int) - expected.frame[mask])
        assert np.quantile(off, 0.999) <= bound + 1
        assert off.mean() <= 0.01 + bound / 4
        ratio = restored.expected_error()[mask] / expected.expected_error()[mask]
        np.testing.assert_allclose(ratio, 1, atol=1e-3 + bound / 20)


def test_export_writes_both_parts_and_checks_them(
    drive_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    out = str(tmp_path / 'out')
    assert main(['export', str(drive_weights), out, '--check', '--size', '96x64']) == 0
    files = sorted(file.name for file in (tmp_path / 'out').iterdir())
    assert files == ['encode_reference.onnx', 'restore.onnx']
    assert 'the same but for rounding' in capsys.readouterr().out


def test_export_says_what_is_wrong_in_one_line(
    drive_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['export', str(tmp_path / 'absent'), str(tmp_path / 'out')]) == 2
    assert main(['export', str(drive_weights), str(tmp_path / 'out'), '--size', 'large']) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert 'absent: no such weights file' in lines[0]
    assert 'WIDTHxHEIGHT' in lines[1]


def test_inputs_and_outputs_are_named_as_documented(drive_weights: Path) -> None:
    import onnx

    modules = exported(drive_weights)
    for content, inputs, outputs in (
        (modules.encode_reference, ENCODE_INPUTS, ENCODE_OUTPUTS),
        (modules.restore, RESTORE_INPUTS, RESTORE_OUTPUTS),
    ):
        graph = onnx.load_from_string(content).graph
        assert tuple(tensor.name for tensor in graph.input) == inputs
        assert tuple(tensor.name for tensor in graph.output) == outputs
    rows = re.findall(r'^\| `(\w+)`', drive_export.__doc__, re.MULTILINE)
    assert tuple(rows) == RESTORE_INPUTS
    assert all(f'`{name}`' in drive_export.__doc__ for name in (*RESTORE_OUTPUTS, *ENCODE_INPUTS))
