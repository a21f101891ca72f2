# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which clips are found in folders of all kinds; the files are empty, only names matter."""

import json
from pathlib import Path

import pytest

from siammcvae_core.data.layouts import Clip, find_clips, hold_out, is_timelapse
from siammcvae_core.errors import SourceError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(root: Path | list[str], split: str = 'train') -> list[str]:
    return [clip.name for clip in find_clips(root if isinstance(root, list) else str(root), split)]


def test_all_kinds_of_recordings_are_found_at_any_depth(tmp_path):
    touch(
        tmp_path / 'b.MP4',
        tmp_path / 'a.mov',
        tmp_path / 'notes.txt',
        tmp_path / '._a.mov',
        tmp_path / '.trash' / 'old.mp4',
        tmp_path / 'day' / 'c.mkv',
        tmp_path / 'day' / 'thumbnail.jpg',
        tmp_path / 'sequence' / '1.png',
        tmp_path / 'sequence' / '2.png',
        tmp_path / 'bag' / 'metadata.yaml',
        tmp_path / 'bag' / 'bag_0.mcap',
        tmp_path / 'bag_without_metadata' / 'x.db3',
    )
    found = find_clips(str(tmp_path))
    assert [clip.name for clip in found] == [
        'a.mov', 'b.MP4', 'bag', 'bag_without_metadata', 'day/c.mkv', 'sequence',
    ]  # fmt: skip
    assert found[4].path == str(tmp_path / 'day' / 'c.mkv')


def test_one_recording_is_a_clip(tmp_path):
    touch(tmp_path / 'a.mp4', tmp_path / 'bag' / 'x.mcap')
    assert find_clips(str(tmp_path / 'a.mp4')) == [Clip('a.mp4', str(tmp_path / 'a.mp4'))]
    assert names(tmp_path / 'bag') == ['bag']
    assert find_clips('sim:night') == [Clip('sim:night', 'sim:night')]


def test_a_text_file_lists_clips(tmp_path):
    elsewhere = tmp_path / 'elsewhere' / 'c.mp4'
    touch(tmp_path / 'a.mp4', tmp_path / 'b.mp4', tmp_path / 'bag' / 'x.mcap', elsewhere)
    touch(tmp_path / 'night' / 'd.mp4', tmp_path / 'night' / 'e.mp4')
    licensed = tmp_path / 'licensed.txt'
    licensed.write_text(f'# MIT\na.mp4\n\n  night\r\nbag\n{elsewhere}\nsim:night:2\n')
    assert [(clip.name, clip.path) for clip in find_clips([str(licensed), 'sim:1'])] == [
        ('a.mp4', str(tmp_path / 'a.mp4')),
        ('bag', str(tmp_path / 'bag')),
        ('c.mp4', str(elsewhere)),
        ('d.mp4', str(tmp_path / 'night' / 'd.mp4')),
        ('e.mp4', str(tmp_path / 'night' / 'e.mp4')),
        ('sim:1', 'sim:1'),
        ('sim:night:2', 'sim:night:2'),
    ]


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'list.txt lists no clips'),
        (b'# a.mp4\n', 'list.txt lists no clips'),
        (b'absent.mp4\n', "no such file or folder: '.*absent.mp4'"),
        (b'more.TXT\n', "list.txt lists 'more.TXT': expected clips or folders, not a list"),
        (b'\xff\xfe\x00', 'list.txt: expected a text file that lists clips'),
    ],
)
def test_a_list_that_cannot_be_used_is_told(tmp_path, content, message):
    (tmp_path / 'list.txt').write_bytes(content)
    with pytest.raises(SourceError, match=message):
        find_clips(str(tmp_path / 'list.txt'))


@pytest.mark.parametrize('start', ['', 'bdd100k', 'bdd100k/videos/train'])
def test_bdd100k_gives_the_split_with_its_information(tmp_path, start):
    videos, info = tmp_path / 'bdd100k' / 'videos', tmp_path / 'bdd100k' / 'info' / '100k'
    touch(videos / 'train' / '00.mov', videos / 'train' / '01.mov', videos / 'val' / '02.mov')
    (info / 'train').mkdir(parents=True)
    (info / 'train' / '01.json').write_text(json.dumps({'timelapse': True}))
    first, second = find_clips(str(tmp_path / start), 'train')
    assert (first.name, first.info) == ('00.mov', None)
    assert (second.name, second.info) == ('01.mov', info / 'train' / '01.json')
    assert [is_timelapse(first), is_timelapse(second)] == [False, True]


def test_bdd100k_validation_is_apart(tmp_path):
    touch(tmp_path / 'videos' / 'train' / '00.mov', tmp_path / 'videos' / 'val' / '02.mov')
    assert names(tmp_path, 'val') == ['02.mov']
    assert names(tmp_path, 'test') == ['videos/train/00.mov', 'videos/val/02.mov']


@pytest.mark.parametrize(
    'content', ['', '[]', '{"timelapse": false}', '{}', pytest.param('[' * 10**5, id='deep')]
)
def test_other_information_marks_no_timelapse(tmp_path, content):
    (tmp_path / 'a.json').write_text(content)
    assert not is_timelapse(Clip('a', 'a.mov', tmp_path / 'a.json'))


def test_several_roots_keep_names_apart(tmp_path):
    touch(tmp_path / 'x' / 'a.mp4', tmp_path / 'y' / 'a.mp4', tmp_path / 'y' / 'b.mp4')
    x, y = str(tmp_path / 'x'), str(tmp_path / 'y')
    assert names([x, y]) == sorted([f'{x}/a.mp4', f'{y}/a.mp4', 'b.mp4'])
    assert names([x, x]) == ['a.mp4']


@pytest.mark.parametrize(
    ('root', 'message'),
    [('nowhere', "no such file or folder: '.*nowhere'"), ('empty', 'holds no videos, bags')],
)
def test_nothing_to_find_is_told(tmp_path, root, message):
    touch(tmp_path / 'empty' / 'one.png')
    with pytest.raises(SourceError, match=message):
        find_clips(str(tmp_path / root))
    with pytest.raises(SourceError, match="no such file or folder: ''"):
        find_clips('')


def test_the_end_is_held_out():
    clips = [Clip(f'{i:02}', f'{i}') for i in range(20)]
    train, val = hold_out(clips)
    assert (len(train), [clip.name for clip in val]) == (18, ['18', '19'])
    assert [len(part) for part in hold_out(clips[:2])] == [1, 1]
    with pytest.raises(SourceError, match='1 clip is too few'):
        hold_out(clips[:1])
