# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The whole restoration as ONNX: ONNX Runtime computes what PyTorch does."""

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')
onnxruntime = pytest.importorskip('onnxruntime', reason='ONNX Runtime is not installed')

from support.drive_program import drive_case, run_program  # noqa: E402

from siammcvae_core.engines.factory import shipped  # noqa: E402
from siammcvae_core.engines.program_export import (  # noqa: E402
    count_nodes,
    export_program,
    FRAME_INPUTS,
)
from siammcvae_core.model.checkpoint import load_model  # noqa: E402
from siammcvae_core.model.drive import DriveMCVAE  # noqa: E402
from siammcvae_core.model.profiles import DriveProfile  # noqa: E402

SIZE = (160, 256)
MOST_NODES = 2500


@pytest.fixture(scope='module')
def model():
    return load_model(shipped('drive'), DriveMCVAE, DriveProfile, kernel='standard').eval()


@pytest.mark.parametrize('mask', ['random:0.75', 'full'])
def test_the_exported_program_agrees(model, mask):
    """Of frames whose window is the whole frame, which is what is exported by itself."""
    counted = {}

    def restore(program, inputs):
        assert program.window.shape == SIZE
        content = export_program(model, SIZE)['restore_frame']
        counted.update(count_nodes(content))
        frame, damage, newest, reference, tokens, age = inputs
        named = zip(FRAME_INPUTS, (frame, damage, newest, *reference, tokens, *age), strict=True)
        session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])
        outputs = session.run(None, {name: tensor.numpy() for name, tensor in named})
        return tuple(map(torch.from_numpy, outputs))

    case = drive_case(SIZE, mask, 1)
    expected, expected_error = run_program(model, case)
    restored, error = run_program(model, case, restore)
    difference = np.abs(restored.astype(int) - expected)
    assert difference.max() <= 1
    assert difference.mean() <= 0.02
    np.testing.assert_allclose(error, expected_error, atol=0.1)
    assert sum(counted.values()) <= MOST_NODES
