# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command line for recordings: `python -m siammcvae_core.restore IN OUT --mask MASKS`."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import sys
from typing import Any

from tqdm import tqdm

from siammcvae_core.commands.parser import CommandParser
from siammcvae_core.data.bags import ImageTopic
from siammcvae_core.data.listing import visible
from siammcvae_core.data.recording import is_recording
from siammcvae_core.data.sources import existing, is_simulated, open_masks, open_source
from siammcvae_core.detection.lossy_clip import open_recording
from siammcvae_core.engines.factory import load_engine
from siammcvae_core.errors import FrameError, InputError, SourceError
from siammcvae_core.files import expand_user
from siammcvae_core.frames import Source
from siammcvae_core.restore.recordings import bags, videos
from siammcvae_core.restore.recordings.bag_frames import BagFrames
from siammcvae_core.restore.recordings.both_sides import restore_from_both_sides
from siammcvae_core.restore.recordings.detected_masks import with_detected_masks
from siammcvae_core.restore.recordings.resumable_output import ResumableOutput
from siammcvae_core.restore.recordings.sequence import (
    MaskedFrame,
    restore_causally,
    without_masks,
    write_frames,
)
from siammcvae_core.restore.restorer import Restorer

DESCRIPTION = """\
Restore the damaged frames of a recording with what the restore node runs, from the intact frames
before and after them, as well as it can in its own time; with --causal as the node would, from
those before alone. IN is a video (or a folder of images) or a rosbag2.

With --detect the fault detector finds what is lost, from the frames alone, in whole cells of
16 x 16 pixels; docs/detector.md says what it can find and what it cannot. Without it:

A video needs --mask: a video or a folder of images of as many frames, black where intact; whatever
is not black is lost (prefer lossless masks). OUT is .mp4 (H.264) or .mkv (FFV1, every pixel exact);
frames keep their times, colours and the aspect of pixels, sound is left out.

A bag has its masks on a topic, matched by header stamp (by order where stamps do not advance); an
image without one counts as intact. OUT is a bag with the same messages, byte for byte, but for the
lost pixels of the image topic; beside it restored/mask marks the pixels replaced: 255, or 128 where
frames after it helped. Compressed images
are stored as PNG once restored; what would lose something by that (16 bits, EXIF that turns the
image) is passed on as it is. A bag whose recorder was cut off is read as far as it goes.

Masks may have any depth and number of channels, and must be opaque wherever they are black.
"""
EPILOG = """\
A run that was interrupted, even by kill -9, goes on where it was when started again with the same
arguments: finished parts of 64 frames wait in OUT.partial until OUT is whole.

examples:
  python -m siammcvae_core.restore drive.mp4 restored.mp4 --detect
  python -m siammcvae_core.restore drive.mp4 restored.mp4 --mask lost.mkv
  python -m siammcvae_core.restore my_bag restored_bag --topic /front/image_raw \\
      --mask-topic /front/fault_mask --weights drive.safetensors

exit status: 0 restored; 1 IN is damaged (OUT holds what could be read) or OUT cannot be written;
2 input that cannot be used; 130 interrupted.
"""


@dataclass(frozen=True)
class _Job:
    """A recording, its frames with their masks, and how the output is written."""

    source: Source | BagFrames
    frames: Iterator[MaskedFrame]
    writer: videos.VideoEncoder | bags.BagAssembler

    @property
    def damaged(self) -> str:
        """Why not all of it was read, one line; '' if it was."""
        source = self.source
        return source.damaged if isinstance(source, BagFrames) else source.broken

    @property
    def notes(self) -> list[str]:
        """What a user should know of the recording, a line each."""
        source = self.source
        return source.notes if isinstance(source, BagFrames) else [source.note][: bool(source.note)]


def parser() -> CommandParser:
    """Describe the command line."""
    p = CommandParser('siammcvae_core.restore', DESCRIPTION, EPILOG)
    p.add_argument('source', type=Path, metavar='IN', help='video, folder of images, or rosbag2')
    p.add_argument('out', type=Path, metavar='OUT', help='.mp4, .mkv, or the folder of a bag')
    p.add_argument('--mask', default='', metavar='MASKS', help='the masks of a video')
    p.add_argument('--topic', default='', help='image topic of a bag that has several')
    p.add_argument(
        '--mask-topic',
        default='',
        metavar='TOPIC',
        help='masks of a bag (default: fault_mask beside the image topic)',
    )
    p.add_argument('--detect', action='store_true', help='find what is lost, without any mask')
    p.add_argument(
        '--weights',
        default='',
        metavar='FILE',
        help='model, a file or a name in the package (default: drive, with PyTorch); '
        "'none' for motion alone",
    )
    p.add_argument(
        '--causal',
        action='store_true',
        help='use only the frames before a damaged one, as the restore node has to (default: those '
        'after it, too)',
    )
    p.add_argument(
        '--max-reference-age',
        type=float,
        default=1.0,
        metavar='S',
        help='pixels are replaced so long after the last intact frame, or before the next one '
        '(default: %(default)s)',
    )
    p.add_argument(
        '--overwrite',
        action='store_true',
        help='replace OUT, and a partial output of other settings',
    )
    return p  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Restore a recording; the exit status is as --help says."""
    return parser().run(
        restore, arguments, (OSError,), 'interrupted; the same command goes on from here'
    )


def restore(options: argparse.Namespace) -> int:
    """Restore a recording. Raises InputError for what the user can mend, and OSError."""
    try:
        return _restore(options)
    except FrameError as error:
        raise InputError(f'{options.mask or options.source}: {error}') from error
    except OSError as error:  # the disk is full, say
        raise OSError(f'{error}; finished parts stay') from error


def _restore(options: argparse.Namespace) -> int:
    engine = load_engine(options.weights)
    age = options.max_reference_age
    restorer = Restorer(engine, max_reference_age=age)
    job = _open(options)
    output = ResumableOutput(options.out, _settings(options, engine.describe() if engine else {}))
    with output.begin(options.overwrite):
        total = len(job.source)
        resumed = f', resumed at {output.done}' if output.done else ''
        print(f'Restoring {job.source.name}: {total} frames{resumed}.')
        with tqdm(total=total, desc='restoring', unit='frame', disable=None) as bar:
            results = restore_causally(job.frames, restorer, output)
            if not options.causal:
                results = restore_from_both_sides(results, Restorer(engine, max_reference_age=age))
            write_frames(results, output, job.writer.open_part, job.writer.suffix, bar.update)
        if not output.done:
            raise InputError(f'{options.source}: {job.damaged or "no frames"}')
        complete = output.folder / options.out.name
        job.writer.join([output.folder / name for name in output.parts], complete)
        output.publish(complete)
    print('\n'.join([_summary(output.done, output.counts), *job.notes]))
    print(f'\n  {options.out}')
    damaged = job.damaged or job.writer.broken
    if damaged:
        print(f'restore: {options.source} is damaged or ends early: {damaged}', file=sys.stderr)
    return 1 if damaged else 0


def _open(options: argparse.Namespace) -> _Job:
    path = existing(options.source)
    if os.path.realpath(options.out) == os.path.realpath(path):
        raise InputError(f'{options.out} is the input')
    if options.detect and (options.mask or options.mask_topic):
        raise InputError('--detect makes the masks itself: leave --mask and --mask-topic out')
    if is_recording(path):
        return _open_bag(path, options)
    opened = open_recording if options.detect else open_source
    source = opened(path.absolute() if is_simulated(str(path)) else path)
    if options.mask_topic or options.topic:
        raise InputError(f'{path} is no bag: it has no topics; its masks go with --mask')
    encoder = videos.VideoEncoder.like(options.out, source)
    if encoder.dropped:
        print(f'restore: {options.out} will not hold {encoder.dropped} of {path}', file=sys.stderr)
    if options.detect:
        return _Job(source, with_detected_masks(without_masks(source)), encoder)
    if not options.mask:
        raise InputError(f'say what is lost in {path}: --mask MASKS, or have it detected: --detect')
    masks = open_masks(options.mask)
    videos.check_counts(source, masks)
    return _Job(source, videos.with_masks(source, masks), encoder)


def _open_bag(path: Path, options: argparse.Namespace) -> _Job:
    if options.mask:
        raise InputError('--mask is for videos; a bag has its masks on --mask-topic')
    images = ImageTopic(path, options.topic, options.mask_topic)
    if options.detect:
        frames = BagFrames(images)
        return _Job(frames, with_detected_masks(frames), bags.BagAssembler(images))
    try:
        masks = ImageTopic(path, options.mask_topic or images.mask_topic)
    except SourceError as error:
        how = 'name its masks with --mask-topic, or have them detected: --detect'
        raise InputError(f'{error}; {how}') from error
    frames = BagFrames(images, masks)
    return _Job(frames, iter(frames), bags.BagAssembler(images))


def _settings(options: argparse.Namespace, engine: dict[str, str]) -> dict[str, Any]:
    """Collect what the frames of the output depend on."""
    return {
        'input': _identity(options.source),
        'mask': _identity(Path(options.mask)) if options.mask else None,
        'detector': options.detect,
        'topic': options.topic,
        'mask topic': options.mask_topic,
        'model': engine,
        'reference age': options.max_reference_age,
        'causal': options.causal,
        'version of parts': 4,
    }


def _identity(path: Path) -> list[Any]:
    """Identify a recording by its path and the sizes and times of its files."""
    path = expand_user(path).resolve()
    files = visible(path) if path.is_dir() else [path]
    # A link to nowhere is a frame that cannot be read, which is said in its place.
    stats = [(file.name, file.stat() if file.exists() else file.lstat()) for file in files]
    return [str(path), *([name, stat.st_size, stat.st_mtime_ns] for name, stat in stats)]


def _summary(frames: int, counts: Counter[str]) -> str:
    outcomes = ', '.join(f'{count} {what}' for what, count in sorted(counts.items()))
    return f'{frames} frames: {outcomes}.'


if __name__ == '__main__':
    sys.exit(main())
