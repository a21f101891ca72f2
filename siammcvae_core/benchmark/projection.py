# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long the network would take at least on boards that were not measured: a roofline.

Nothing is measured. Peaks are those published: matrix products on the GPU's tensor cores in
float16 without sparsity, and memory bandwidth.
"""

from dataclasses import asdict, dataclass
from typing import Any

from siammcvae_core.benchmark.work import Workload

SHARE = 0.3  # of the peaks that is assumed to be reached
DTYPE = 'float16'
ORIN_BLOCK_TFLOPS = 171 / 4 / 16 / 1.301  # a quarter of AGX Orin's, per multiprocessor and GHz

ORIN = """\
**A projection, not a measurement: no such board was here.** The least milliseconds for the network,
encoding of the reference left out, if it ran in float16 at {share} of the published peak of the
GPU's tensor cores, at full clocks ({share} of the peak bandwidth where memory bounds it). That
share is an assumption. Not in it: launching each kernel, which for a network this small can take
longer than its computation unless launches are recorded (CUDA graphs, TensorRT); copies to and from
the GPU; and alignment and composite, which run on the board's own CPU.
"""
SOURCES = (
    'AGX Orin 64GB: 171 TOPS of sparse int8 on its GPU at full power, says NVIDIA '
    '(https://github.com/NVIDIA/Deep-Learning-Accelerator-SW), 16 multiprocessors at 1.3 GHz; half '
    'of it without sparsity, half of that in float16.',
    'Orin NX 16GB: 8 of the same multiprocessors at 0.918 GHz '
    '(https://gist.github.com/atinfinity/8cede915acda05d0ff427c09604735dd), 102.4 GB/s '
    '(https://github.com/huggingface/huggingface.js/pull/1333).',
    'Orin Nano 8GB: 8 of them at 0.625 GHz and 68 GB/s, not the newer "super" mode '
    '(https://huggingface.co/opencv/opencv_zoo, benchmark/README.md; '
    'https://github.com/hokwangchoi/jetson-orin-nano-benchmarks). On one, somebody measured 7 '
    'to 10 TFLOP/s for products of large matrices in float16 '
    '(https://github.com/zzc0721/torch-performance-test-data/issues/110).',
    'Bandwidth of AGX Orin: 204.8 GB/s, 256 bits of LPDDR5 '
    '(https://developer.nvidia.com/embedded/jetson-modules).',
)


@dataclass(frozen=True)
class Board:
    """Published peaks: TFLOP/s in float16 without sparsity, GB/s."""

    name: str
    tflops: float
    gbs: float


BOARDS = (
    Board('Jetson AGX Orin 64GB', round(16 * 1.301 * ORIN_BLOCK_TFLOPS, 1), 204.8),
    Board('Jetson Orin NX 16GB', round(8 * 0.918 * ORIN_BLOCK_TFLOPS, 1), 102.4),
    Board('Jetson Orin Nano 8GB', round(8 * 0.625 * ORIN_BLOCK_TFLOPS, 1), 68.0),
)


def project(board: Board, work: Workload) -> dict[str, Any]:
    """Project the time of the network for a frame, in milliseconds, and what bounds it."""
    compute = 1e3 * work.restore_flop / (SHARE * board.tflops * 1e12)
    memory = 1e3 * work.network_bytes(DTYPE) / (SHARE * board.gbs * 1e9)
    return {
        **asdict(board),
        'share': SHARE,
        'network_ms': max(compute, memory),
        'bound_by': 'compute' if compute > memory else 'memory',
    }
