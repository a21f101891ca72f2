# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recovery after the stress test: the node becomes idle and serves valid frames again."""

from siammcvae_ros.tools.stress import messages
from siammcvae_ros.tools.stress.actions import (
    ACTIVATE,
    CAMERAS,
    CLEANUP,
    CONFIGURE,
    DEACTIVATE,
    LifecycleCall,
    PATIENT_PARAMETERS,
    SendMessage,
    SetParameter,
    string_value,
)
from siammcvae_ros.tools.stress.checks import CameraChecker
from siammcvae_ros.tools.stress.harness import StressHarness
from siammcvae_ros.tools.stress.schedule import PERIOD

FRAMES = 20  # for each camera, every other one damaged but for the first two
BEGINNING = 1_900_000_000_000_000_000  # ns, later than every usual stamp of the stress test
NUMBER = 1_000_000_000  # of its first message; higher than any of the stress test
PATIENCE = 30.0  # s


def check_recovery(harness: StressHarness) -> int:
    """Configure the node anew and send valid frames; return how many were served correctly.

    A damaged frame must be restored, an intact one passed on as intact.
    """
    harness.wait_for_idle()
    if not harness.wait(
        lambda: not any(a.totals.in_flight for a in harness.checkers.values()), PATIENCE
    ):
        harness.violations.add('in flight after the stress test', str(harness.sent))
    harness.call(LifecycleCall(DEACTIVATE))
    harness.wait_for_idle()
    harness.call(LifecycleCall(CLEANUP))
    harness.wait_for_idle()
    harness.call(SetParameter('mask_mode', string_value('per_frame')))
    for name, value in PATIENT_PARAMETERS.items():
        harness.call(SetParameter(name, value))
    harness.call(LifecycleCall(CONFIGURE))
    harness.call(LifecycleCall(ACTIVATE))
    harness.wait_for_idle()
    harness.connect()
    served = 0
    for index in range(FRAMES):
        for camera in CAMERAS:
            served += _serve(harness, camera, index)
    harness.wait_for_idle()
    return served


def _serve(harness: StressHarness, camera: str, index: int) -> bool:
    checker = harness.checkers[camera]
    damaged = index >= 2 and index % 2 == 1
    mask = messages.mask(messages.USUAL_SIZE, 'band:0.25' if damaged else 'none', False)
    image = messages.frame(messages.USUAL_SIZE, 'bgr8', index % messages.SCENES)
    before = _served(checker)
    for offset, (topic, template) in enumerate((('fault_mask', mask), ('image_raw', image))):
        number = NUMBER + 2 * (index * len(CAMERAS) + CAMERAS.index(camera)) + offset
        stamp = BEGINNING + index * PERIOD
        harness.send(SendMessage(camera, topic, template, stamp, number, str(number), True))
    expected = (before[0] + 1, before[1] + damaged, before[2] + (not damaged))
    if harness.wait(lambda: _served(checker) == expected, PATIENCE):
        return True
    changes = [now - then for now, then in zip(_served(checker), before, strict=True)]
    harness.violations.add(
        'clean stream',
        f'{camera}, frame {index}: checked, restored, passed intact changed by {changes}, '
        f'expected {[now - then for now, then in zip(expected, before, strict=True)]}',
    )
    return False


def _served(checker: CameraChecker) -> tuple[int, int, int]:
    """Count frames compared, frames restored and frames passed on as intact."""
    totals = checker.totals
    return checker.checked, totals.restored, totals.reasons['passed.intact']
