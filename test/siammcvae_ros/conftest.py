# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Real nodes in processes and a ROS domain of their own, and a probe that talks to them."""

from collections import defaultdict
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from rcl_interfaces.srv import GetParameters
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from support.stream import PATIENCE, Stream

from siammcvae_ros.tools.dds_domain import free_domain
from siammcvae_ros.tools.ros_session import parameter_arguments, reliable


class NodeProcess:
    """A node of the package in its own process; its stderr can be read while it runs."""

    def __init__(self, module, domain, parameters, log, arguments=()):
        self.log = log
        self.may_end = False
        with open(log, 'wb') as stderr:
            self.process = subprocess.Popen(
                [sys.executable, '-m', module, *parameter_arguments(parameters), *arguments],
                env={**os.environ, 'ROS_DOMAIN_ID': str(domain), 'PYTHONFAULTHANDLER': '1'},
                stderr=stderr,
                stdin=subprocess.DEVNULL,
            )

    @property
    def text(self):
        return self.log.read_text()

    @property
    def alive(self):
        return self.process.poll() is None

    def resident_bytes(self):
        with open(f'/proc/{self.process.pid}/statm') as statm:
            return int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def finish(self, patience=PATIENCE):
        """Wait for it to end by itself; return its exit status."""
        self.may_end = True
        return self.process.wait(patience)

    def kill(self):
        """End it as a crash would."""
        self.may_end = True
        self.process.kill()
        self.process.wait()

    def end(self):
        """Interrupt it; if it does not end, abort it, which writes the stacks of its threads."""
        self.may_end = True
        if self.alive:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()


class Probe:
    """A ROS node of the test: publishes, collects what it receives, calls services."""

    def __init__(self, domain, wait_until):
        self.wait_until = wait_until
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node('probe', context=self.context)
        self.received = defaultdict(list)
        self.subscriptions = {}
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, args=(executor,), daemon=True)
        self._thread.start()

    def _spin(self, executor):
        with contextlib.suppress(ExternalShutdownException):
            executor.spin()

    def listen(self, kind, topic, depth=500):
        self.subscriptions[topic] = self.node.create_subscription(
            kind, topic, self.received[topic].append, reliable(depth)
        )
        return self.received[topic]

    def publisher(self, kind, topic, depth=50, reliability=ReliabilityPolicy.RELIABLE):
        qos = QoSProfile(depth=depth, reliability=reliability)
        return self.node.create_publisher(kind, topic, qos)

    def call(self, kind, name, request, patience=PATIENCE):
        client = self._client(kind, name, patience)
        self.synchronize(name.rpartition('/')[0], patience)
        future = client.call_async(request)
        self.wait_until(future.done, f'the answer of {name}', patience)
        self.node.destroy_client(client)
        return future.result()

    def ask(self, kind, name, request, patience=PATIENCE):
        """Call a service that changes nothing, repeatedly: at a start DDS may lose an answer."""
        client = self._client(kind, name, patience)
        began, futures = time.monotonic(), []

        def answered():
            if time.monotonic() - began >= 5 * len(futures):
                futures.append(client.call_async(request))
            return next((future for future in futures if future.done()), None)

        answer = self.wait_until(answered, f'the answer of {name}', patience)
        self.node.destroy_client(client)
        return answer.result()

    def _client(self, kind, name, patience):
        client = self.node.create_client(kind, name)
        self.wait_until(client.service_is_ready, f'the service {name}', patience)
        return client

    def synchronize(self, node, patience=PATIENCE):
        """Wait until a node has matched every topic and client that the probe has by now.

        DDS announces endpoints in order: when the node answers a newer client, it knows the others.
        """
        self.ask(GetParameters, f'{node}/get_parameters', GetParameters.Request(), patience)

    def close(self):
        rclpy.shutdown(context=self.context)
        self._thread.join(PATIENCE)


@pytest.fixture
def running():
    """Return the list of the nodes that the test has started."""
    return []


@pytest.fixture
def wait_until(running):
    """Return a function that returns the value of `condition()` once that is true, or fails.

    It fails at once where a node has ended that the test did not end, with what it logged.
    """

    def wait_until(condition, what, patience=PATIENCE):
        end = time.monotonic() + patience
        while True:
            ended = [node for node in running if not (node.may_end or node.alive)]
            if value := condition():
                return value
            if ended or time.monotonic() > end:
                break
            time.sleep(0.002)
        why = 'a node has ended' if ended else f'{patience} s have passed'
        logs = '\n'.join(node.text for node in ended or running)
        return pytest.fail(f'{why}, waiting for {what() if callable(what) else what}\n{logs}')

    return wait_until


@pytest.fixture
def domain():
    """Return a ROS domain that no process on this host uses."""
    return free_domain()


@pytest.fixture
def probe(domain, wait_until):
    probe = Probe(domain, wait_until)
    yield probe
    probe.close()


@pytest.fixture
def start(domain, tmp_path, running):
    """Start nodes: `start('restore_node', cameras="['front']")`; each must end cleanly."""

    def start(name, *arguments, **parameters):
        log = tmp_path / f'{name}{len(running)}.log'
        node = NodeProcess(f'siammcvae_ros.{name}', domain, parameters, log, arguments)
        running.append(node)
        return node

    yield start
    for node in running:
        node.end()
    for node in running:
        assert 'Traceback' not in node.text, node.text
        assert 'Fatal Python error' not in node.text, f'it did not end, or crashed:\n{node.text}'


@pytest.fixture
def settings():
    return {
        'cameras': '[front]',
        'weights': 'none',  # motion is enough here, and starts at once
        'mask_wait': 5.0,
        'max_hold': 1.0,
        'max_reference_age': 60.0,  # also by arrival, on a busy machine
        'diagnostics_period': 0.05,
        'qos_overrides./front/image_raw.subscription.reliability': 'reliable',
        'qos_overrides./front/fault_mask.subscription.reliability': 'reliable',
        'qos_overrides./left/fault_mask.subscription.reliability': 'reliable',
        'qos_overrides./left/image_raw.subscription.reliability': 'reliable',
        'qos_overrides./front/image_raw.subscription.depth': 50,
        **{
            f'qos_overrides./front/restored/{topic}.publisher.depth': 50
            for topic in ('image_raw', 'camera_info', 'mask', 'uncertainty')
        },
    }


@pytest.fixture
def stream(start, probe, wait_until, settings):
    start('restore_node', **settings)
    return Stream(probe, wait_until).connect()
