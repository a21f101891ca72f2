# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an object detector, the user's own, finds in a frame, and how two findings compare."""

from siammcvae_core.perception.object_detector import ObjectDetector
from siammcvae_core.perception.objects import iou, match, Objects

__all__ = ['iou', 'match', 'ObjectDetector', 'Objects']
