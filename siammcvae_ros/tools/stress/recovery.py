# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recovery after the stress test: the node becomes idle and serves valid frames again."""

from collections import Counter
from collections.abc import Sequence

from siammcvae_ros.tools.stress import messages
from siammcvae_ros.tools.stress.actions import (
    ACTIVATE,
    CAMERAS,
    CLEANUP,
    CONFIGURE,
    DEACTIVATE,
    double_value,
    LifecycleCall,
    PATIENT_PARAMETERS,
    SendMessage,
    SetParameter,
    string_value,
)
from siammcvae_ros.tools.stress.checks import CameraChecker
from siammcvae_ros.tools.stress.harness import StressHarness
from siammcvae_ros.tools.stress.messages import MessageTemplate
from siammcvae_ros.tools.stress.schedule import PERIOD

FRAMES = 20  # for each camera, every other one damaged but for the first two
BEGINNING = 1_900_000_000_000_000_000  # ns, later than every usual stamp of the stress test
NUMBER = 1_000_000_000  # of its first message; higher than any of the stress test
TOPICS = ('fault_mask', 'image_raw')
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
    check_late_masks(harness)
    check_parameters_in_force(harness)
    check_unset_stamps(harness)
    return served


def check_late_masks(harness: StressHarness) -> None:
    """Send damaged frames before their masks: none may stay counted as intact."""
    harness.call(SetParameter('mask_wait', double_value(0.0)))
    harness.wait_for_answers()
    mask = messages.mask(messages.USUAL_SIZE, 'band:0.25', False)
    for index in range(3):
        before = _reasons(harness, CAMERAS[0])
        _send_pair(harness, CAMERAS[0], FRAMES + index, ('image_raw',), mask)
        _expect(harness, CAMERAS[0], before, 'passed.intact', 'frame without a mask')
        _send_pair(harness, CAMERAS[0], FRAMES + index, ('fault_mask',), mask)
        _expect(harness, CAMERAS[0], before, 'passed.late_mask', 'late mask')
    harness.call(SetParameter('mask_wait', PATIENT_PARAMETERS['mask_wait']))
    harness.wait_for_answers()


def check_parameters_in_force(harness: StressHarness) -> None:
    """Send a frame that cannot be restored right after each change of `on_failure`."""
    mask = messages.mask((33, 17), 'full', False)
    for index, (value, key) in enumerate((('drop', 'dropped'), ('passthrough', 'passed')) * 2):
        harness.call(SetParameter('on_failure', string_value(value)))
        harness.wait_for_answers()
        before = _reasons(harness, CAMERAS[0])
        _send_pair(harness, CAMERAS[0], FRAMES + 3 + index, TOPICS, mask)
        _expect(harness, CAMERAS[0], before, f'{key}.mask_size', f'on_failure: {value}')


def check_unset_stamps(harness: StressHarness) -> None:
    """Send frames without stamps: damaged ones are restored all the same."""
    camera = CAMERAS[1]
    frames = (('none', 'passed.intact'), ('none', 'passed.intact'), ('band:0.25', 'restored.warp'))
    for index, (pattern, key) in enumerate(frames):
        before = _reasons(harness, camera)
        mask = messages.mask(messages.USUAL_SIZE, pattern, False)
        _send_pair(harness, camera, FRAMES + index, TOPICS, mask, stamp=0)
        _expect(harness, camera, before, key, f'unset stamps, mask {pattern}')


def _serve(harness: StressHarness, camera: str, index: int) -> bool:
    checker = harness.checkers[camera]
    damaged = index >= 2 and index % 2 == 1
    mask = messages.mask(messages.USUAL_SIZE, 'band:0.25' if damaged else 'none', False)
    before = _served(checker)
    _send_pair(harness, camera, index, TOPICS, mask)
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


def _send_pair(
    harness: StressHarness,
    camera: str,
    index: int,
    topics: Sequence[str],
    mask: MessageTemplate,
    stamp: int | None = None,
) -> None:
    """Send a frame and its mask in the order of `topics`."""
    image = messages.frame(messages.USUAL_SIZE, 'bgr8', index % messages.SCENES)
    stamp = BEGINNING + index * PERIOD if stamp is None else stamp
    for offset, topic in enumerate(topics):
        template = image if topic == 'image_raw' else mask
        number = NUMBER + 2 * (index * len(CAMERAS) + CAMERAS.index(camera)) + offset
        harness.send(SendMessage(camera, topic, template, stamp, number, str(number), True))


def _reasons(harness: StressHarness, camera: str) -> Counter[str]:
    return harness.checkers[camera].totals.reasons


def _expect(harness: StressHarness, camera: str, before: Counter[str], key: str, what: str) -> None:
    """Wait until exactly one more frame is counted, under `key`; else it is a violation."""
    if not harness.wait(lambda: _reasons(harness, camera) - before == {key: 1}, PATIENCE):
        change = dict(_reasons(harness, camera) - before)
        harness.violations.add(what, f'{camera}: counted {change}, expected one more {key}')


def _served(checker: CameraChecker) -> tuple[int, int, int]:
    """Count frames compared, frames restored and frames passed on as intact."""
    totals = checker.totals
    return checker.checked, totals.restored, totals.reasons['passed.intact']
