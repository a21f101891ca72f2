# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Building TensorRT engines from exported parts; needs no GPU with TensorRT-RTX."""

from collections.abc import Sequence
import logging
from typing import Any

from siammcvae_core.alignment.features import CHANNELS
from siammcvae_core.engines.crop import ACROSS, HALO
from siammcvae_core.model.pixels import CHANNELS as COLOURS
from siammcvae_core.model.profiles import DriveProfile
from siammcvae_core.motion.flow import PATCH, WORKING_SIDE

SIDE = WORKING_SIDE // PATCH  # patches along the longer side of a frame, at most
MOST = SIDE**2
LEAST = 4  # 2 x 2 patches, see `motion.PATCH`
WIDE = 23  # rows of patches of a wide camera
USUAL = WIDE * SIDE
LITTLE = 320  # patches that take part, at most, where damage is little
BOX = 12  # side of a usual box there

Shapes = dict[str, tuple[int, ...]]
Range = tuple[Shapes, Shapes, Shapes]
"""Shapes of inputs by name: the least, the usual, the most."""

_log = logging.getLogger(__name__)


def encode_ranges(profile: DriveProfile) -> list[Range]:
    """Shapes of `EncodeReference`: whole frames."""

    def shapes(patches: int) -> Shapes:
        return {'picture': (1, patches, COLOURS * profile.patch**2), 'place': (1, patches, 2)}

    return [(shapes(LEAST), shapes(USUAL), shapes(MOST))]


def restore_ranges(profile: DriveProfile) -> list[Range]:
    """Shapes of `RestorePart`: those of little damage, and of any."""

    def shapes(frame: int, seen: int, active: int, rows: int, columns: int) -> Shapes:
        return {
            'tokens': (1, frame, profile.latent),
            'picture': (1, seen, COLOURS * profile.patch**2),
            'place': (1, seen, 2),
            'visible': (1, seen),
            'features': (1, len(CHANNELS), *(ACROSS * side + 2 * HALO for side in (rows, columns))),
            'inside': (1, 1, *(ACROSS * side + HALO for side in (rows, columns))),
            'source': (active,), 'own': (active,), 'patch': (active,), 'active': (1, active),
            'spread': (rows, columns),
        }  # fmt: skip

    least = shapes(LEAST, LEAST, LEAST, 2, 2)
    little = shapes(USUAL, 64, 128, BOX, BOX)
    much = shapes(USUAL, 256, USUAL, WIDE, SIDE)
    return [
        (least, little, shapes(MOST, LITTLE, LITTLE, SIDE, SIDE)),
        (least, much, shapes(MOST, MOST, MOST, SIDE, SIDE)),
    ]


RANGES = {'encode_reference': encode_ranges, 'restore': restore_ranges}


def messages(trt: Any) -> Any:
    """Make a logger of the library that keeps its last error, and logs the rest for debugging."""

    class Messages(trt.ILogger):
        last = 'it does not say why'

        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, text: str) -> None:
            if severity <= trt.ILogger.ERROR:
                self.last = text
            _log.debug('%s: %s', severity.name, text)

    return Messages()


def build(trt: Any, part: bytes, ranges: Sequence[Range], logger: Any) -> bytes:
    """Build the engine of an ONNX file, tuned for each of `ranges`.

    Raises RuntimeError where the library does not take all of the file.
    """
    builder = trt.Builder(logger)
    flags = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(part):
        errors = [parser.get_error(k) for k in range(parser.num_errors)]
        named = '; '.join(f'{error.node_operator()}: {error.desc()}' for error in errors)
        raise RuntimeError(f'{trt.__name__} does not take the model: {named}')
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # it would be float32 by name only
    for shapes in ranges:
        profile = builder.create_optimization_profile()
        for k in range(network.num_inputs):
            name = network.get_input(k).name
            profile.set_shape(name, *(one[name] for one in shapes))
        if config.add_optimization_profile(profile) < 0:
            raise RuntimeError(f'{trt.__name__} refuses the shapes {shapes}: {logger.last}')
    built = builder.build_serialized_network(network, config)
    if built is None:
        raise RuntimeError(f'{trt.__name__} built nothing: {logger.last}')
    return bytes(built)
