# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Goes through the recorded drive once: judges every frame, writes the video, picks pictures."""

from collections.abc import Iterable
from pathlib import Path

from siammcvae_core.data.bags import BagImages
from siammcvae_core.data.clips import write_video
from siammcvae_ros.tools.demo.pictures import Album, panel_size, row_of, three
from siammcvae_ros.tools.demo.score import InStep, Judge, Sent, Verdict


def review(
    sent: Iterable[Sent], images: InStep, masks: InStep, judge: Judge, video: Path, rate: float
) -> tuple[list[Verdict], Album]:
    """Judge the recorded `images` and `masks` against what was `sent`.

    `video` is written at `rate` Hz.
    """
    album = Album()
    verdicts: list[Verdict] = []
    with write_video(video, rate) as append:
        for frame in sent:
            if not verdicts:
                large = panel_size(frame.truth, 480, 640)
                small = panel_size(frame.truth, 320, 480)
            output, made_up = images.at(frame.stamp), masks.at(frame.stamp)
            verdict = judge.judge(frame, output, made_up)
            panels = three(frame, output, verdict)
            append(row_of(panels, *large))
            album.offer(verdict, panels, small)
            verdicts.append(verdict)
    return verdicts, album


def recorded(bag: Path, topic: str) -> InStep:
    """Open the recording of one image topic."""
    return InStep(BagImages(bag, topic))
