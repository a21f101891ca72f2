# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the demo: damaged, restored and true frame beside each other, with captions."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from siammcvae_ros.tools.demo.score import DROPPED, FrameScore, RESTORED, SentFrame

GREEN, ORANGE, RED, GREY = (60, 130, 40), (20, 110, 215), (40, 40, 200), (70, 70, 70)  # BGR
BAR = 44  # px
FONT = cv2.FONT_HERSHEY_SIMPLEX
JPEG_QUALITY = 85

Panel = tuple[np.ndarray | None, str, tuple[int, int, int]]


def side_by_side(panels: Sequence[Panel], width: int, height: int) -> np.ndarray:
    """Set panels of `width` x `height` px in a row: (frame, caption, colour of the caption's bar).

    Frames are uint8 (H, W, 3) BGR or (H, W) of any size; None is drawn black.
    """
    return np.hstack([_panel(*panel, width, height) for panel in panels])


def comparison_panels(sent: SentFrame, output: np.ndarray | None, score: FrameScore) -> list[Panel]:
    """Return panels of the damaged, the restored and the true frame, with captions."""
    is_damaged = score.fault is not None
    if score.outcome == DROPPED:
        result, colour = 'dropped', RED
    elif score.outcome == RESTORED:
        result, colour = f'restored by {score.method}', ORANGE
    else:
        result, colour = 'passed on', RED if is_damaged else GREEN
    if score.psnr:
        result += f'  {score.psnr["restored"]:.1f} dB (copy {score.psnr["copy"]:.1f})'
    damage = f'damaged: {score.fault}' if is_damaged else 'intact'
    return [
        (sent.damaged.frame, f'#{score.index}  {damage}', ORANGE if is_damaged else GREEN),
        (output, result, colour),
        (sent.truth, 'truth', GREY),
    ]


def panel_size(frame: np.ndarray, narrowest: int, widest: int) -> tuple[int, int]:
    """Return an even panel width near the frame's, and the height of the same aspect ratio."""
    height, width = frame.shape[:2]
    chosen = min(max(width, narrowest), widest) // 2 * 2
    return chosen, max(2, round(height * chosen / width / 2) * 2)


@dataclass
class ExamplePictures:
    """The first scored frame of each fault and the worst, as JPEG; `worst` with its PSNR in dB."""

    first: dict[str, bytes] = field(default_factory=dict)
    worst: dict[str, tuple[float, bytes]] = field(default_factory=dict)

    def add(self, score: FrameScore, panels: Sequence[Panel], size: tuple[int, int]) -> None:
        """Add a frame if it is the first or the worst of its fault; panels of `size` (W, H)."""
        if score.fault is None or not score.psnr:
            return
        restored_psnr = score.psnr['restored']
        is_first = score.fault not in self.first
        if is_first or restored_psnr < self.worst[score.fault][0]:
            jpeg = _jpeg(side_by_side(panels, *size))
            if is_first:
                self.first[score.fault] = jpeg
            self.worst[score.fault] = (restored_psnr, jpeg)


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
