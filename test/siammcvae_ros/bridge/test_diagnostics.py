# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The named state of a camera: the most specific cause wins."""

from collections import Counter
from dataclasses import replace

from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np
import pytest

from siammcvae_ros.bridge.camera_state import camera_state, SubscriptionStatus
from siammcvae_ros.bridge.diagnostics import camera_status, node_status
from siammcvae_ros.frame_path.counters import DetectorStatus, FrameCounters, Snapshot
from siammcvae_ros.frame_path.latency import Stage
from siammcvae_ros.frame_path.mask_matching import MaskCounts

IMAGE_IN = SubscriptionStatus('/front/image_raw', publishers=1, incompatible_qos='')
BEFORE = Snapshot(
    name='front',
    counters=FrameCounters(10, Counter(warp=2), Counter(intact=8)),
    masks=MaskCounts(),
    masks_expected=True,
    stamp_faults=Counter(),
    since_last_frame=0.1,
    last_stamp=0,
    reference_age=0.1,
    damage_share=0.25,
    last_error='',
    passed_seconds=(0.001, 0.003),
    restored_seconds=(),
)


def later(since_last_frame=0.1, last_error='', restored=(), passed=(), dropped=()):
    """Give the snapshot after these further frames."""
    counters = BEFORE.counters.copy()
    for counter, names in zip(
        (counters.restored, counters.passed, counters.dropped),
        (restored, passed, dropped),
        strict=True,
    ):
        counter.update(names)
        counters.received += len(names)
    return replace(
        BEFORE, counters=counters, since_last_frame=since_last_frame, last_error=last_error
    )


@pytest.mark.parametrize(
    ('now', 'subscription', 'name', 'level'),
    [
        (later(passed=['intact']), IMAGE_IN, 'ok', DiagnosticStatus.OK),
        (later(restored=['warp']), IMAGE_IN, 'restoring', DiagnosticStatus.WARN),
        (
            later(restored=['warp'], passed=['no_reference']),
            IMAGE_IN,
            'degraded',
            DiagnosticStatus.WARN,
        ),
        (later(dropped=['superseded']), IMAGE_IN, 'degraded', DiagnosticStatus.WARN),
        (later(passed=['late_mask']), IMAGE_IN, 'degraded', DiagnosticStatus.WARN),
        (
            replace(later(passed=['intact']), masks=MaskCounts(unused=1, unused_damaged=1)),
            IMAGE_IN,
            'unmatched_masks',
            DiagnosticStatus.WARN,
        ),
        (
            replace(later(passed=['no_reference']), stamp_faults=Counter(unset=1)),
            IMAGE_IN,
            'bad_stamps',
            DiagnosticStatus.WARN,
        ),
        (
            replace(later(passed=['intact']), detector=DetectorStatus('assist', failed=1)),
            IMAGE_IN,
            'degraded',
            DiagnosticStatus.WARN,
        ),
        (
            later(dropped=['malformed_image'], restored=['warp']),
            IMAGE_IN,
            'rejected',
            DiagnosticStatus.ERROR,
        ),
        (later(passed=['unsupported_encoding']), IMAGE_IN, 'rejected', DiagnosticStatus.ERROR),
        (later(since_last_frame=1.1), IMAGE_IN, 'stale', DiagnosticStatus.ERROR),
        (later(since_last_frame=None), IMAGE_IN, 'waiting', DiagnosticStatus.WARN),
        (
            later(since_last_frame=None),
            replace(IMAGE_IN, incompatible_qos='reliability'),
            'incompatible_qos',
            DiagnosticStatus.ERROR,
        ),
    ],
)
def test_state(now, subscription, name, level):
    state = camera_state(now, BEFORE, subscription, stale_after=1.0)
    assert (state.name, state.level) == (name, level)


def test_bad_stamps_do_not_hide_what_was_not_restored():
    now = replace(later(passed=['late_mask', 'late_mask']), stamp_faults=Counter(jumped_back=1))
    assert '2 late_mask not restored' in camera_state(now, BEFORE, IMAGE_IN, 1.0).text


def test_text_says_what_to_do():
    now = later(since_last_frame=None)
    assert 'no publisher' in camera_state(now, BEFORE, replace(IMAGE_IN, publishers=0), 1.0).text
    assert '1 publisher(s), no frame' in camera_state(now, BEFORE, IMAGE_IN, 1.0).text
    qos = camera_state(now, BEFORE, replace(IMAGE_IN, incompatible_qos='reliability'), 1.0)
    assert 'qos_overrides./front/image_raw.subscription' in qos.text
    bad = later(dropped=['malformed_image'] * 3)
    bad = replace(bad, errors={'malformed_image': 'step is 5 bytes', 'no_reference': 'other'})
    assert camera_state(bad, BEFORE, IMAGE_IN, 1.0).text == '3 malformed_image; step is 5 bytes'


def test_status_carries_the_account():
    now = later(restored=['copy'], dropped=['superseded'])
    status = camera_status('restore', camera_state(now, BEFORE, IMAGE_IN, 1.0), now)
    values = {pair.key: pair.value for pair in status.values}
    assert (status.name, status.hardware_id) == ('restore: front', 'front')
    assert status.message.startswith('degraded: 1 superseded')
    assert values['received'] == '12'
    assert (values['restored'], values['restored.copy'], values['restored.warp']) == ('3', '1', '2')
    assert values['dropped.superseded'] == '1'
    assert values['passed_ms_p50'] == '2.00'
    assert values['restored_ms_p50'] == 'n/a'


@pytest.mark.parametrize('frames', [1, 2, 7, 1000])
def test_times_are_percentiles_of_the_newest_frames(frames):
    seconds = np.random.default_rng(frames).exponential(size=frames)
    now = replace(
        BEFORE, restored_seconds=tuple(seconds), stage_times={Stage.QUEUE: tuple(seconds)}
    )
    status = camera_status('restore', camera_state(now, BEFORE, IMAGE_IN, 1.0), now)
    values = {pair.key: pair.value for pair in status.values}
    for name in ('restored_ms', 'stage.queue_ms'):
        for percent in (50, 99):
            expected = np.percentile(seconds, percent) * 1e3
            assert float(values[f'{name}_p{percent}']) == pytest.approx(expected, abs=0.006)


def test_method_and_incompatible_qos_are_reported():
    now = replace(BEFORE, method='warp', method_reason='deadline')
    status = camera_status(
        'restore', camera_state(now, BEFORE, IMAGE_IN, 1.0), now, 'a: reliability'
    )
    values = {pair.key: pair.value for pair in status.values}
    assert (values['rung'], values['rung_reason']) == ('warp', 'deadline')
    assert values['incompatible_qos'] == 'a: reliability'


def test_masks_that_cannot_be_received_are_an_error():
    """Else damaged frames would pass as intact ones, and the state be ok."""
    mask = '/front/fault_mask'
    subscription = replace(
        IMAGE_IN, others={mask: 'reliability', '/front/x': 'durability'}, masks=(mask,)
    )
    assert subscription.incompatible == '/front/fault_mask: reliability, /front/x: durability'
    incompatible = camera_state(later(passed=['intact']), BEFORE, subscription, 1.0)
    assert (incompatible.name, incompatible.level) == ('incompatible_qos', DiagnosticStatus.ERROR)
    assert 'qos_overrides./front/fault_mask.subscription' in incompatible.text
    received = replace(later(passed=['intact']), masks=MaskCounts(received=1))
    assert camera_state(received, BEFORE, subscription, 1.0).name == 'ok'
    assert camera_state(received, received, subscription, 1.0).name == 'incompatible_qos'
    assert camera_state(later(since_last_frame=9.0), BEFORE, subscription, 1.0).name == 'stale'


@pytest.mark.parametrize(
    ('state', 'trouble', 'level'),
    [
        ('active', '', DiagnosticStatus.OK),
        ('inactive', '', DiagnosticStatus.WARN),
        ('unconfigured', 'on_configure: no such file', DiagnosticStatus.ERROR),
    ],
)
def test_node_status(state, trouble, level):
    status = node_status('restore', state, trouble, {'name': 'none'})
    assert status.level == level
    assert status.message.startswith(state)
    assert status.message.endswith(trouble)
    assert status.values[0].key == 'engine.name'
