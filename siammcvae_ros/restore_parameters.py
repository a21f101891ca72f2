# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of `restore_node`."""

import re

from siammcvae_core.engines.engine_cache import BuildPolicy
from siammcvae_core.restore.restored_frame import RestoreMethod
from siammcvae_ros.bridge.compressed import ImageTransport
from siammcvae_ros.frame_path.inspection import DetectorMode
from siammcvae_ros.frame_path.mask_matching import MaskMode
from siammcvae_ros.frame_path.policy import MissingMask, OnFailure
from siammcvae_ros.parameters import DeclaredParameter, ParameterTable

NAMESPACE = re.compile(r'/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')


def _check_namespaces(cameras: list[str]) -> str:
    if len(set(cameras)) < len(cameras):
        return f'cameras names a camera twice: {", ".join(cameras)}'
    for name in cameras:
        if name and not NAMESPACE.fullmatch(name):
            return f"cameras: '{name}' is no namespace, expected such as front or car/front"
    return ''


PARAMETERS = ParameterTable(
    DeclaredParameter(
        'cameras',
        [''],
        'Namespaces of the cameras to serve, below the node\'s own; "" is the own one.',
        fixed=True,
        check=_check_namespaces,
    ),
    DeclaredParameter(
        'image_transport',
        ImageTransport.RAW.value,
        'How images come: raw, on image_raw; compressed, JPEG or PNG on image_raw/compressed, and '
        'masks on fault_mask or, PNG, on fault_mask/compressed. What goes out is raw.',
        choices=tuple(transport.value for transport in ImageTransport),
        fixed=True,
    ),
    DeclaredParameter(
        'mask_mode',
        MaskMode.PER_FRAME.value,
        'Which fault mask a frame gets: the one with its stamp, the last one received, or none.',
        choices=tuple(mode.value for mode in MaskMode),
        fixed=True,
    ),
    DeclaredParameter(
        'mask_wait',
        0.02,
        'per_frame: how long a frame waits for its mask while somebody publishes masks [s].',
        limits=(0.0, 10.0),
    ),
    DeclaredParameter(
        'mask_slop',
        0.0,
        "per_frame: how far a mask's stamp may be from its frame's [s].",
        limits=(0.0, 1.0),
    ),
    DeclaredParameter(
        'missing_mask',
        MissingMask.INTACT.value,
        'per_frame: what a frame whose mask did not come is: intact, or unknown '
        '(passed on, never a reference).',
        choices=tuple(choice.value for choice in MissingMask),
    ),
    DeclaredParameter(
        'detector',
        DetectorMode.OFF.value,
        'Whether the node finds faults in the frames themselves: off; assist, what it finds is '
        "added to a frame's mask; only, it takes no masks, as with mask_mode off, and what it "
        'finds is lost.',
        choices=tuple(mode.value for mode in DetectorMode),
        fixed=True,
    ),
    DeclaredParameter(
        'detector_trigger',
        '',
        'Text in the names of statuses on /diagnostics that name a camera too, such as '
        "Autoware's Image_Diagnostics: while these were OK, and only OK, in the last 3 s, the "
        'detector does not look at that camera. "" looks at every frame.',
        fixed=True,
    ),
    DeclaredParameter(
        'on_failure',
        OnFailure.PASSTHROUGH.value,
        'What becomes of a damaged frame that cannot be restored.',
        choices=tuple(choice.value for choice in OnFailure),
    ),
    DeclaredParameter(
        'conceal_missing',
        False,
        'Whether a frame that does not come is predicted, half a frame period after it was due, '
        'for at most max_reference_age.',
    ),
    DeclaredParameter(
        'max_hold',
        0.05,
        'How long an intact frame may wait for the restoration of the frame before it; then it '
        'overtakes and the restoration is dropped [s].',
        limits=(0.0, 1.0),
    ),
    DeclaredParameter(
        'max_reference_age',
        1.0,
        'How old the last intact frame may be to restore from it [s].',
        limits=(0.0, 60.0),
    ),
    DeclaredParameter(
        'weights',
        '',
        'Weights of the model: a .safetensors file, the name of weights in the package, such as '
        '"drive", "none" for motion alone. "" is drive where PyTorch is installed, else none.',
        fixed=True,
    ),
    DeclaredParameter(
        'weights_sha256',
        '',
        'SHA-256 the weights must have; the node does not configure with others. "" takes any.',
        fixed=True,
    ),
    DeclaredParameter(
        'engine_policy',
        BuildPolicy.BUILD_IF_MISSING.value,
        'What becomes of TensorRT engines for the GPU while the node configures.',
        choices=tuple(policy.value for policy in BuildPolicy),
        fixed=True,
    ),
    DeclaredParameter(
        'model_budget',
        0.0,
        'How long the model may take for a frame; motion serves where it would take longer. 0 is '
        "the camera's frame period [s].",
        limits=(0.0, 10.0),
    ),
    DeclaredParameter(
        'workers',
        0,
        'How many cameras are restored at a time; their turns with the network are one after '
        'another. 0 is half the cores of the processor.',
        limits=(0, 64),
        fixed=True,
    ),
    DeclaredParameter(
        'rung_limit',
        RestoreMethod.MODEL.value,
        'Best method to use: model, warp (motion) or copy (of the last intact frame).',
        choices=(RestoreMethod.MODEL.value, RestoreMethod.WARP.value, RestoreMethod.COPY.value),
        fixed=True,
    ),
    DeclaredParameter(
        'stale_after',
        1.0,
        'Without a frame for this long a camera is reported stale [s].',
        limits=(0.01, 3600.0),
    ),
    DeclaredParameter(
        'diagnostics_period',
        1.0,
        'Time between two messages on /diagnostics [s].',
        limits=(0.01, 60.0),
        read_only=True,
    ),
    DeclaredParameter(
        'autostart',
        True,
        'Configure and activate at start; set to false for a lifecycle manager.',
        read_only=True,
    ),
)
