# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The SROS 2 policy allows what the node has, and nothing else."""

from collections import defaultdict
from contextlib import contextmanager, ExitStack
import time
from xml.etree import ElementTree

import pytest
import rclpy
from rclpy.parameter import Parameter

from siammcvae_ros.restore_node import RestoreNode
from siammcvae_ros.tools.dds_domain import free_domain

# What the policy format calls what the ROS graph asks for.
QUALIFIERS = {
    ('topics', 'publish'): 'publisher',
    ('topics', 'subscribe'): 'subscriber',
    ('services', 'reply'): 'service',
    ('services', 'request'): 'client',
}
SINCE_JAZZY = {'/restore/get_type_description'}
PATIENCE = 4.0  # s with one graph


@pytest.fixture
def policy(root):
    return ElementTree.parse(root / 'config' / 'sros2' / 'policy.xml').getroot()


def resolved(name, namespace, node):
    """Resolve a name as sros2's permissions.xsl does."""
    namespace = namespace.rstrip('/')
    if name.startswith('~'):
        return f'{namespace}/{node}{name[1:]}'
    return name if name.startswith('/') else f'{namespace}/{name}'


def allowed(policy, cameras):
    """List what the policy allows by kind, its profile of /front repeated for each camera."""
    names = defaultdict(set)
    for profile in policy.iter('profile'):
        namespaces = [profile.get('ns')]
        if namespaces == ['/front']:
            namespaces = [f'/{camera}' for camera in cameras]
        for rule in profile:
            (qualifier,) = rule.attrib
            assert rule.get(qualifier) == 'ALLOW'
            kind = QUALIFIERS[rule.tag, qualifier]
            for expression in rule:
                assert rule.tag == f'{expression.tag}s'
                for namespace in namespaces:
                    name = resolved(expression.text, namespace, profile.get('node'))
                    assert name not in names[kind], f'{name} is allowed twice'
                    names[kind].add(name)
    return names


@contextmanager
def active(cameras, settings):
    """Serve with a node in a domain of its own."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=free_domain())
    settings = {'cameras': cameras, 'weights': 'none', **settings}
    overrides = [Parameter(name, value=value) for name, value in settings.items()]
    node = RestoreNode(context=context, parameter_overrides=overrides)
    node.start()
    yield node
    node.stop_serving()
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def had():
    """Give a function that lists what an active node with these settings has, by kind.

    A DDS graph may stay without a part of its own node: then another node starts.
    """
    with ExitStack() as running:
        node, tried = None, 0.0

        def had(cameras, **settings):
            nonlocal node, tried
            if time.monotonic() > tried + PATIENCE:
                running.close()
                node, tried = running.enter_context(active(cameras, settings)), time.monotonic()
            names = {}
            for kind in QUALIFIERS.values():
                of_kind = getattr(node, f'get_{kind}_names_and_types_by_node')
                names[kind] = {name for name, _ in of_kind('restore', '/')}
            names['service'] |= SINCE_JAZZY
            return names

        yield had


@pytest.mark.parametrize('cameras', [['front'], ['front', 'left', 'car/rear']])
def test_policy_allows_what_the_node_has_and_nothing_else(policy, had, wait_until, cameras):
    permitted = allowed(policy, cameras)
    expected = {kind: permitted[kind] for kind in QUALIFIERS.values()}
    wait_until(
        lambda: had(cameras) == expected,
        lambda: {kind: names ^ expected[kind] for kind, names in had(cameras).items()},
    )


def test_parameters_take_the_topics_the_policy_tells_to_add(policy, had, wait_until, root):
    triggered = {'detector': 'assist', 'detector_trigger': 'Image_Diagnostics'}
    permitted = allowed(policy, ['front'])['subscriber']
    added = {'/front/image_raw/compressed', '/front/fault_mask/compressed'}
    expected = permitted - {'/front/image_raw'} | added | {'/diagnostics'}
    wait_until(
        lambda: had(['front'], image_transport='compressed', **triggered)['subscriber'] == expected,
        lambda: had(['front'])['subscriber'] ^ expected,
    )
    text = (root / 'config' / 'sros2' / 'policy.xml').read_text()
    assert all(name.removeprefix('/front/') in text for name in added)
    assert 'With `detector_trigger` it subscribes to /diagnostics' in text


def test_policy_is_of_the_format_sros2_reads(root, policy):
    assert (policy.tag, policy.attrib) == ('policy', {'version': '0.2.0'})
    (enclave,) = policy.findall('./enclaves/enclave')
    assert len(enclave.findall('./profiles/profile')) == len([*policy.iter('profile')])
    # The comment at the top tells to start the node in that enclave.
    text = (root / 'config' / 'sros2' / 'policy.xml').read_text()
    assert f'ROS_SECURITY_ENCLAVE_OVERRIDE={enclave.get("path")} ' in text
    sros2 = pytest.importorskip('sros2.policy', reason='sros2 is not installed')
    sros2.load_policy(root / 'config' / 'sros2' / 'policy.xml')
