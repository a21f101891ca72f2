# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Goes through the recorded drive once: scores every frame, writes the video, picks examples."""

from collections.abc import Iterable
from pathlib import Path

from siammcvae_core.data.clips import write_video
from siammcvae_ros.tools.demo.pictures import (
    comparison_panels,
    ExamplePictures,
    panel_size,
    side_by_side,
)
from siammcvae_ros.tools.demo.score import FrameScore, FrameScorer, RecordedFrames, SentFrame


def review(
    sent: Iterable[SentFrame],
    images: RecordedFrames,
    masks: RecordedFrames,
    scorer: FrameScorer,
    video: Path,
    rate: float,
) -> tuple[list[FrameScore], ExamplePictures]:
    """Score the recorded `images` and `masks` against what was `sent`; `video` has `rate` Hz."""
    examples = ExamplePictures()
    scores: list[FrameScore] = []
    with write_video(video, rate) as append:
        for frame in sent:
            if not scores:
                large = panel_size(frame.truth, 480, 640)
                small = panel_size(frame.truth, 320, 480)
            output, restored_mask = images.at(frame.stamp), masks.at(frame.stamp)
            score = scorer.score(frame, output, restored_mask)
            panels = comparison_panels(frame, output, score)
            append(side_by_side(panels, *large))
            examples.add(score, panels, small)
            scores.append(score)
    return scores, examples
