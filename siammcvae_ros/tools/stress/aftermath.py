# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""After the storm: the node comes to rest, and serves a clean stream as ever."""

from siammcvae_ros.tools.stress import shots
from siammcvae_ros.tools.stress.account import Account
from siammcvae_ros.tools.stress.rig import Rig
from siammcvae_ros.tools.stress.steps import (
    ACTIVATE,
    CAMERAS,
    Change,
    CLEANUP,
    CONFIGURE,
    DEACTIVATE,
    GENTLE,
    Send,
    text,
    Transition,
)
from siammcvae_ros.tools.stress.weather import PERIOD

FRAMES = 20  # for each camera, every other one damaged but for the first two
BEGINNING = 1_900_000_000_000_000_000  # ns, where no stamp of the storm is
NUMBER = 1_000_000_000  # of its first message: later than any of the storm
PATIENCE = 30.0  # s


def clean_stream(rig: Rig) -> int:
    """Set the node to rights and send valid frames; return how many were served as they must be."""
    rig.settle()
    if not rig.wait(lambda: not any(a.totals.in_flight for a in rig.accounts.values()), PATIENCE):
        rig.violations.add('in flight after the storm', str(rig.sent))
    rig.call(Transition(DEACTIVATE))
    rig.settle()
    rig.call(Transition(CLEANUP))
    rig.settle()
    rig.call(Change('mask_mode', text('per_frame')))
    for name, value in GENTLE.items():
        rig.call(Change(name, value))
    rig.call(Transition(CONFIGURE))
    rig.call(Transition(ACTIVATE))
    rig.settle()
    rig.connect()
    served = 0
    for index in range(FRAMES):
        for camera in CAMERAS:
            served += _serve(rig, camera, index)
    rig.settle()
    return served


def _serve(rig: Rig, camera: str, index: int) -> bool:
    account = rig.accounts[camera]
    damaged = index >= 2 and index % 2 == 1
    mask = shots.mask(shots.USUAL, 'band:0.25' if damaged else 'none', False)
    image = shots.frame(shots.USUAL, 'bgr8', index % shots.SCENES)
    before = _served(account)
    for offset, (topic, shot) in enumerate((('fault_mask', mask), ('image_raw', image))):
        number = NUMBER + 2 * (index * len(CAMERAS) + CAMERAS.index(camera)) + offset
        stamp = BEGINNING + index * PERIOD
        rig.send(Send(camera, topic, shot, stamp, number, str(number), True))
    expected = (before[0] + 1, before[1] + damaged, before[2] + (not damaged))
    if rig.wait(lambda: _served(account) == expected, PATIENCE):
        return True
    came = [now - then for now, then in zip(_served(account), before, strict=True)]
    rig.violations.add(
        'clean stream',
        f'{camera}, frame {index}: checked, restored, passed intact changed by {came}, '
        f'expected {[now - then for now, then in zip(expected, before, strict=True)]}',
    )
    return False


def _served(account: Account) -> tuple[int, int, int]:
    """Count frames compared, frames restored and frames passed on as intact."""
    totals = account.totals
    return account.checked, totals.restored, totals.reasons['passed.intact']
