# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Building TensorRT engines from exported modules; TensorRT-RTX needs no GPU for it."""

from collections.abc import Sequence
import logging
from typing import Any

from siammcvae_core.alignment.features import CHANNELS
from siammcvae_core.engines.crop import HALO
from siammcvae_core.model.pixels import CHANNELS as COLOURS
from siammcvae_core.model.profiles import DriveProfile
from siammcvae_core.motion.flow import PATCH, WORKING_SIDE

SIDE = WORKING_SIDE // PATCH  # patches along the longer side of a frame, at most
MAX_PATCHES = SIDE**2
MIN_PATCHES = 4  # 2 x 2, see `motion.references.PATCH`
USUAL_ROWS = 23  # of patches, of a wide camera
USUAL_PATCHES = USUAL_ROWS * SIDE
LITTLE_TOKENS = 320  # tokens where damage is little, at most
LITTLE_SIDE = 12  # of the usual box there, in patches

Shapes = dict[str, tuple[int, ...]]
Range = tuple[Shapes, Shapes, Shapes]
"""Shapes of inputs by name: the smallest, the usual, the largest."""

_log = logging.getLogger(__name__)


def encode_ranges(profile: DriveProfile) -> list[Range]:
    """Shapes of `EncodeReference`: whole frames."""

    def shapes(patches: int) -> Shapes:
        pixels = COLOURS * profile.patch**2
        return {'patches': (1, patches, pixels), 'patch_positions': (1, patches, 2)}

    return [(shapes(MIN_PATCHES), shapes(USUAL_PATCHES), shapes(MAX_PATCHES))]


def restore_ranges(profile: DriveProfile) -> list[Range]:
    """Shapes of `RestoreCrop`: those of little damage, and of any."""
    across = profile.patch // profile.cell

    def shapes(frame: int, visible: int, tokens: int, rows: int, columns: int) -> Shapes:
        sides = rows, columns
        return {
            'reference_tokens': (1, frame, profile.latent),
            'patches': (1, visible, COLOURS * profile.patch**2),
            'patch_positions': (1, visible, 2),
            'patch_is_visible': (1, visible),
            'features': (1, len(CHANNELS), *(across * side + 2 * HALO for side in sides)),
            'inside_frame': (1, 1, *(across * side + HALO for side in sides)),
            'reference_index': (tokens,), 'patch_index': (tokens,), 'crop_index': (tokens,),
            'token_is_active': (1, tokens), 'token_index': sides,
        }  # fmt: skip

    smallest = shapes(MIN_PATCHES, MIN_PATCHES, MIN_PATCHES, 2, 2)
    little = shapes(USUAL_PATCHES, 64, 128, LITTLE_SIDE, LITTLE_SIDE)
    much = shapes(USUAL_PATCHES, 256, USUAL_PATCHES, USUAL_ROWS, SIDE)
    return [
        (smallest, little, shapes(MAX_PATCHES, LITTLE_TOKENS, LITTLE_TOKENS, SIDE, SIDE)),
        (smallest, much, shapes(MAX_PATCHES, MAX_PATCHES, MAX_PATCHES, SIDE, SIDE)),
    ]


RANGES = {'encode_reference': encode_ranges, 'restore': restore_ranges}


def messages(trt: Any) -> Any:
    """Create a logger for the library that keeps its last error and logs all else as debug."""

    class Messages(trt.ILogger):
        last = 'no reason reported'

        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, text: str) -> None:
            if severity <= trt.ILogger.ERROR:
                self.last = text
            _log.debug('%s: %s', severity.name, text)

    return Messages()


def build(trt: Any, module: bytes, ranges: Sequence[Range], logger: Any) -> bytes:
    """Build the engine of an ONNX file, tuned for each of `ranges`.

    Raises RuntimeError where the library does not support all of the file.
    """
    builder = trt.Builder(logger)
    flags = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(module):
        errors = [parser.get_error(k) for k in range(parser.num_errors)]
        reasons = '; '.join(f'{error.node_operator()}: {error.desc()}' for error in errors)
        raise RuntimeError(f'{trt.__name__} does not take the model: {reasons}')
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # it would be float32 by name only
    for shapes in ranges:
        profile = builder.create_optimization_profile()
        for k in range(network.num_inputs):
            name = network.get_input(k).name
            profile.set_shape(name, *(inputs[name] for inputs in shapes))
        if config.add_optimization_profile(profile) < 0:
            raise RuntimeError(f'{trt.__name__} refuses the shapes {shapes}: {logger.last}')
    built = builder.build_serialized_network(network, config)
    if built is None:
        raise RuntimeError(f'{trt.__name__} built nothing: {logger.last}')
    return bytes(built)
