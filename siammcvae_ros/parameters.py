# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of `restore_node`: one table that declares, describes and checks them."""

from collections.abc import Sequence
from dataclasses import dataclass
import re
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from siammcvae_core.engines.engine_cache import BuildPolicy
from siammcvae_core.restore.restorer import RestoreMethod
from siammcvae_ros.bridge.compressed import ImageTransport
from siammcvae_ros.frame_path.inspection import DetectorMode
from siammcvae_ros.frame_path.mask_matching import MaskMode
from siammcvae_ros.frame_path.policy import MissingMask, OnFailure

ENDS = ('from_value', 'to_value')


@dataclass(frozen=True)
class Declared:
    """One parameter.

    `fixed` ones change only while the node is unconfigured, `read_only` ones only at its start.
    """

    name: str
    default: Any
    description: str
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None
    fixed: bool = False
    read_only: bool = False

    def descriptor(self) -> ParameterDescriptor:
        """Describe it for `ros2 param describe` and rqt_reconfigure."""
        ends = {} if self.limits is None else dict(zip(ENDS, self.limits, strict=True))
        whole = isinstance(self.default, int)
        constraints = f'one of: {", ".join(self.choices)}' if self.choices else ''
        if self.fixed:
            constraints += ('; ' if constraints else '') + 'changes only while unconfigured'
        return ParameterDescriptor(
            description=self.description,
            additional_constraints=constraints,
            read_only=self.read_only,
            # YAML reads a bare `off` as false.
            dynamic_typing=MaskMode.OFF.value in self.choices,
            integer_range=[IntegerRange(**ends)] if ends and whole else [],
            floating_point_range=[FloatingPointRange(**ends)] if ends and not whole else [],
        )


TABLE = (
    Declared(
        'cameras',
        [''],
        'Namespaces of the cameras to serve, below the node\'s own; "" is the own one.',
        fixed=True,
    ),
    Declared(
        'image_transport',
        ImageTransport.RAW.value,
        'How images come: raw, on image_raw; compressed, JPEG or PNG on image_raw/compressed, and '
        'masks on fault_mask or, PNG, on fault_mask/compressed. What goes out is raw.',
        choices=tuple(transport.value for transport in ImageTransport),
        fixed=True,
    ),
    Declared(
        'mask_mode',
        MaskMode.PER_FRAME.value,
        'Which fault mask a frame gets: the one with its stamp, the last one received, or none.',
        choices=tuple(mode.value for mode in MaskMode),
        fixed=True,
    ),
    Declared(
        'mask_wait',
        0.02,
        'per_frame: how long a frame waits for its mask while somebody publishes masks [s].',
        limits=(0.0, 10.0),
    ),
    Declared(
        'mask_slop',
        0.0,
        "per_frame: how far a mask's stamp may be from its frame's [s].",
        limits=(0.0, 1.0),
    ),
    Declared(
        'missing_mask',
        MissingMask.INTACT.value,
        'per_frame: what a frame whose mask did not come is: intact, or unknown '
        '(passed on, never a reference).',
        choices=tuple(choice.value for choice in MissingMask),
    ),
    Declared(
        'detector',
        DetectorMode.OFF.value,
        'Whether the node finds faults in the frames themselves: off; assist, what it finds is '
        "added to a frame's mask; only, it takes no masks, as with mask_mode off, and what it "
        'finds is lost.',
        choices=tuple(mode.value for mode in DetectorMode),
        fixed=True,
    ),
    Declared(
        'detector_trigger',
        '',
        'Text in the names of statuses on /diagnostics that name a camera too, such as '
        "Autoware's Image_Diagnostics: while these were OK, and only OK, in the last 3 s, the "
        'detector does not look at that camera. "" looks at every frame.',
        fixed=True,
    ),
    Declared(
        'on_failure',
        OnFailure.PASSTHROUGH.value,
        'What becomes of a damaged frame that cannot be restored.',
        choices=tuple(choice.value for choice in OnFailure),
    ),
    Declared(
        'conceal_missing',
        False,
        'Whether a frame that does not come is made up, half a frame period after it was due, for '
        'at most max_reference_age.',
    ),
    Declared(
        'max_hold',
        0.05,
        'How long an intact frame may wait for the restoration of the frame before it; then it '
        'overtakes and the restoration is dropped [s].',
        limits=(0.0, 1.0),
    ),
    Declared(
        'max_reference_age',
        1.0,
        'How old the last intact frame may be to restore from it [s].',
        limits=(0.0, 60.0),
    ),
    Declared(
        'weights',
        '',
        'Weights of the model: a .safetensors file, "drive" for those in the package, "none" for '
        'motion alone. "" is drive where PyTorch is installed, else none.',
        fixed=True,
    ),
    Declared(
        'weights_sha256',
        '',
        'SHA-256 the weights must have; the node does not configure with others. "" takes any.',
        fixed=True,
    ),
    Declared(
        'engine_policy',
        BuildPolicy.BUILD_IF_MISSING.value,
        'What becomes of TensorRT engines for the GPU while the node configures.',
        choices=tuple(policy.value for policy in BuildPolicy),
        fixed=True,
    ),
    Declared(
        'model_budget',
        0.0,
        'How long the model may take for a frame; motion serves where it would take longer. 0 is '
        "the camera's frame period [s].",
        limits=(0.0, 10.0),
    ),
    Declared(
        'workers',
        0,
        'How many cameras are restored at a time; their turns with the network are one after '
        'another. 0 is half the cores of the processor.',
        limits=(0, 64),
        fixed=True,
    ),
    Declared(
        'rung_limit',
        RestoreMethod.MODEL.value,
        'Highest rung of the ladder to use: model, motion warp or copy of the last intact frame.',
        choices=(RestoreMethod.MODEL.value, RestoreMethod.WARP.value, RestoreMethod.COPY.value),
        fixed=True,
    ),
    Declared(
        'stale_after',
        1.0,
        'Without a frame for this long a camera is reported stale [s].',
        limits=(0.01, 3600.0),
    ),
    Declared(
        'diagnostics_period',
        1.0,
        'Time between two messages on /diagnostics [s].',
        limits=(0.01, 60.0),
        read_only=True,
    ),
    Declared(
        'autostart',
        True,
        'Configure and activate at start; set to false for a lifecycle manager.',
        read_only=True,
    ),
)

NAMESPACE = re.compile(r'/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')

_BY_NAME = {declared.name: declared for declared in TABLE}


def declare(node: Node) -> None:
    """Declare the whole table on a node, overrides applied.

    Raises rclpy's ParameterException if an override has the wrong type or is out of range.
    """
    node.declare_parameters(
        '', [(declared.name, declared.default, declared.descriptor()) for declared in TABLE]
    )


def choice(value: Any) -> Any:
    """Give the choice that a parameter value stands for: YAML turns a bare `off` into false."""
    return MaskMode.OFF.value if value is False else value


def objection(parameters: Sequence[Parameter], unconfigured: bool) -> str:
    """Say why these new values cannot be accepted; '' if they can."""
    for parameter in parameters:
        declared = _BY_NAME.get(parameter.name)
        if declared is None:
            continue
        if declared.choices and choice(parameter.value) not in declared.choices:
            choices = ', '.join(declared.choices)
            return f"{declared.name} is '{parameter.value}', expected one of: {choices}"
        if declared.name == 'cameras' and len(set(parameter.value)) < len(parameter.value):
            return f'cameras names a camera twice: {", ".join(parameter.value)}'
        if declared.name == 'cameras':
            bad = [name for name in parameter.value if name and not NAMESPACE.fullmatch(name)]
            if bad:
                return f"cameras: '{bad[0]}' is no namespace, expected such as front or car/front"
        if declared.fixed and not unconfigured:
            return f'{declared.name} changes only while the node is unconfigured: clean it up first'
    return ''
