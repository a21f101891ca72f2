# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the demo: damaged, restored and true frame beside each other, with captions."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from siammcvae_ros.tools.demo.score import DROPPED, RESTORED, Sent, Verdict

GREEN, ORANGE, RED, GREY = (60, 130, 40), (20, 110, 215), (40, 40, 200), (70, 70, 70)  # BGR
BAR = 44  # px
FONT = cv2.FONT_HERSHEY_SIMPLEX
JPEG_QUALITY = 85

Panel = tuple[np.ndarray | None, str, tuple[int, int, int]]


def row_of(panels: Sequence[Panel], width: int, height: int) -> np.ndarray:
    """Set panels of `width` x `height` px in a row: (frame, caption, colour of the caption's bar).

    Frames are uint8 (H, W, 3) BGR or (H, W) of any size; None is drawn black.
    """
    return np.hstack([_panel(*panel, width, height) for panel in panels])


def three(sent: Sent, output: np.ndarray | None, verdict: Verdict) -> list[Panel]:
    """Caption the damaged, the restored and the true frame."""
    struck = verdict.fault is not None
    if verdict.outcome == DROPPED:
        result, colour = 'dropped', RED
    elif verdict.outcome == RESTORED:
        result, colour = f'restored by {verdict.method}', ORANGE
    else:
        result, colour = 'passed on', RED if struck else GREEN
    if verdict.psnr:
        result += f'  {verdict.psnr["restored"]:.1f} dB (copy {verdict.psnr["copy"]:.1f})'
    damage = f'damaged: {verdict.fault}' if struck else 'intact'
    return [
        (sent.damaged.frame, f'#{verdict.index}  {damage}', ORANGE if struck else GREEN),
        (output, result, colour),
        (sent.truth, 'truth', GREY),
    ]


def panel_size(frame: np.ndarray, narrowest: int, widest: int) -> tuple[int, int]:
    """Choose an even panel width near the frame's, and the height that keeps its shape."""
    height, width = frame.shape[:2]
    chosen = min(max(width, narrowest), widest) // 2 * 2
    return chosen, max(2, round(height * chosen / width / 2) * 2)


@dataclass
class Album:
    """Keeps one picture per fault of two kinds, as JPEG: the first frame scored and the worst."""

    first: dict[str, bytes] = field(default_factory=dict)
    worst: dict[str, tuple[float, bytes]] = field(default_factory=dict)

    def offer(self, verdict: Verdict, panels: Sequence[Panel], size: tuple[int, int]) -> None:
        """Take the picture of a frame if it belongs in, its panels of `size` (width, height)."""
        if verdict.fault is None or not verdict.psnr:
            return
        score = verdict.psnr['restored']
        is_first = verdict.fault not in self.first
        if is_first or score < self.worst[verdict.fault][0]:
            jpeg = _jpeg(row_of(panels, *size))
            if is_first:
                self.first[verdict.fault] = jpeg
            self.worst[verdict.fault] = (score, jpeg)


def _jpeg(picture: np.ndarray) -> bytes:
    _, jpeg = cv2.imencode('.jpg', picture, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    return jpeg.tobytes()


def _panel(
    frame: np.ndarray | None, caption: str, colour: tuple[int, int, int], width: int, height: int
) -> np.ndarray:
    panel = np.zeros((BAR + height, width, 3), np.uint8)
    panel[:BAR] = colour
    if frame is not None:
        coloured = frame if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
        shrinks = width < frame.shape[1]
        way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        panel[BAR:] = cv2.resize(coloured, (width, height), interpolation=way)
    (wide, _), _ = cv2.getTextSize(caption, FONT, 1.0, 2)
    scale = min(0.85, (width - 20) / wide)
    cv2.putText(panel, caption, (10, BAR - 14), FONT, scale, (255, 255, 255), 2, cv2.LINE_AA)
    return panel
