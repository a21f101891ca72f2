# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""List the clips in a folder of recordings.

Supported are folders of videos, rosbag2 recordings or image sequences, nested to any depth, and
BDD100K: `videos/{train,val}/*.mov` with `info/100k/{train,val}/*.json` beside it. A text file may
list the clips to use, so that none has to be copied.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
import os
from pathlib import Path

from siammcvae_core.data.clips import VIDEO_SUFFIXES
from siammcvae_core.data.listing import is_left_behind
from siammcvae_core.data.pictures import IMAGE_SUFFIXES
from siammcvae_core.data.recording import METADATA, storage_stem
from siammcvae_core.data.sources import is_simulated
from siammcvae_core.errors import SourceError
from siammcvae_core.files import expand_user, read_json

LIST_SUFFIX = '.txt'
HOLD_OUT = 0.1
"""Share of the clips held out for validation where there is no separate folder."""


@dataclass(frozen=True)
class Clip:
    """A recording: `path` is what `open_source` takes, `name` tells it from the others.

    `info` is its BDD100K information file, where there is one.
    """

    name: str
    path: str
    info: Path | None = None


def find_clips(roots: str | Sequence[str], split: str = 'train') -> list[Clip]:
    """List the clips at one or more `roots`, sorted by name.

    A root is a folder, one recording, a name of the rendered drive such as 'sim' or 'sim:night:1',
    or a .txt file with a root in every line. Where a root (or `bdd100k` in it) has
    `videos/<split>`, only that is listed. Names are unique: paths below the root, which is put in
    front where two roots have the same. Raises SourceError for a root that does not exist or holds
    no recording.
    """
    roots = [roots] if isinstance(roots, str) else roots
    roots = [line for root in roots for line in _listed(root)]
    found = {clip.path: (root, clip) for root in roots for clip in _clips_at(root, split)}
    count = Counter(clip.name for _, clip in found.values())
    clips = [
        clip if count[clip.name] == 1 else replace(clip, name=f'{root}/{clip.name}')
        for root, clip in found.values()
    ]
    return sorted(clips, key=lambda clip: clip.name)


def hold_out(clips: Sequence[Clip]) -> tuple[list[Clip], list[Clip]]:
    """Split clips into those to train on and the last tenth of the names, at least one clip.

    Neighbours by name are often of one drive, so the last are held out rather than every tenth.
    Raises SourceError for a single clip.
    """
    count = max(1, round(HOLD_OUT * len(clips)))
    if len(clips) <= count:
        raise SourceError(f'{len(clips)} clip is too few to set some apart for validation')
    return list(clips[:-count]), list(clips[-count:])


def is_timelapse(clip: Clip) -> bool:
    """Tell whether BDD100K marks the clip as sped up, so that its time is not real."""
    if clip.info is None:
        return False
    try:
        info = read_json(clip.info)
    except (OSError, ValueError):  # the information is optional
        return False
    return isinstance(info, dict) and bool(info.get('timelapse'))


def _listed(root: str) -> list[str]:
    """Read the roots in a .txt file, relative to its folder; any other root is the only one.

    Empty lines and those that begin with # say nothing.
    """
    file = expand_user(root)
    try:
        if file.suffix.lower() != LIST_SUFFIX or not file.is_file():
            return [root]
        lines = [line.strip() for line in file.read_text('utf-8').splitlines()]
    except OSError as error:
        raise SourceError(f'{root} cannot be read: {error.strerror}') from error
    except UnicodeError as error:
        raise SourceError(f'{root}: expected a text file that lists clips') from error
    named = [line for line in lines if line and not line.startswith('#')]
    if not named:
        raise SourceError(f'{root} lists no clips')
    for line in named:
        if line.lower().endswith(LIST_SUFFIX):
            raise SourceError(f'{root} lists {line!r}: expected clips or folders, not a list')
    return [line if is_simulated(line) else str(file.parent / expand_user(line)) for line in named]


def _clips_at(root: str, split: str) -> list[Clip]:
    if root and is_simulated(root):
        return [Clip(root, root)]
    top = expand_user(root)
    try:
        if not root or not top.exists():
            raise SourceError(f'no such file or folder: {root!r}')
        if top.is_file():
            return [Clip(top.name, str(top))]
        top, split_folder = _split_folder(top, split)
        clips = [
            Clip(path.relative_to(top).as_posix() if path != top else top.name, str(path), info)
            for path, info in _recordings(top, split_folder)
        ]
    except OSError as error:
        raise SourceError(f'{root} cannot be read: {error.strerror}') from error
    if not clips:
        raise SourceError(f'{root} holds no videos, bags or image sequences')
    return clips


def _split_folder(top: Path, split: str) -> tuple[Path, Path | None]:
    """Find `videos/<split>` of the BDD100K layout: (where to search, it or None)."""
    for root in (top, top / 'bdd100k'):
        folder = root / 'videos' / split
        if folder.is_dir():
            return folder, folder
    if top.parent.name == 'videos' and top.name in ('train', 'val', 'test'):
        return top, top
    return top, None


def _recordings(top: Path, split_folder: Path | None) -> Iterator[tuple[Path, Path | None]]:
    info_folders = _info_folders(split_folder)
    for path, folders, files in os.walk(top, followlinks=True):
        folder = Path(path)
        names = [name for name in files if not is_left_behind(name)]
        suffixes = [(name, Path(name).suffix.lower()) for name in names]
        stems = {name: storage_stem(name) for name in names if storage_stem(name)}
        if METADATA in names or stems:
            folders.clear()
            if METADATA in names or len(set(stems.values())) == 1:
                yield folder, None
            else:  # each a recording of its own
                yield from ((folder / name, None) for name in stems)
            continue
        folders[:] = [name for name in folders if not is_left_behind(name)]
        videos = [name for name, suffix in suffixes if suffix in VIDEO_SUFFIXES]
        for name in videos:
            infos = (info / f'{Path(name).stem}.json' for info in info_folders)
            yield folder / name, next((info for info in infos if info.is_file()), None)
        if not videos and sum(suffix in IMAGE_SUFFIXES for _, suffix in suffixes) > 1:
            yield folder, None


def _info_folders(split_folder: Path | None) -> list[Path]:
    if split_folder is None:
        return []
    top = split_folder.parent.parent
    return [top / 'info' / '100k' / split_folder.name, top / 'info' / split_folder.name]
