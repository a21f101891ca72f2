# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Profiles: looked up by name, frozen, unchanged through JSON, refused for impossible models."""

from dataclasses import FrozenInstanceError
import json
from typing import Any

import pytest

from siammcvae_core.errors import InputError
from siammcvae_core.model.profiles import get_profile, Profile, PROFILES


def test_vit_b_is_the_papers() -> None:
    paper = get_profile('vit_b')
    assert (paper.width, paper.depth, paper.heads, paper.patch) == (768, 12, 12, 16)
    assert (paper.size, paper.beta, paper.reparameterise) == ((224, 224), 0.2, True)
    assert not paper.paper_kl


def test_changes_leave_the_named_profile_alone() -> None:
    changed = get_profile('vit_s', size=(368, 640), beta=0.1)
    assert (changed.size, changed.beta) == ((368, 640), 0.1)
    assert get_profile('vit_s').size == (224, 224)
    with pytest.raises(FrozenInstanceError):
        changed.beta = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        PROFILES['mine'] = changed  # type: ignore[index]


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'vit_x'.*vit_b, vit_s, tiny"):
        get_profile('vit_x')
    with pytest.raises(InputError, match=r'has no betta; it has .*beta'):
        get_profile('tiny', betta=0.1)


@pytest.mark.parametrize('name', PROFILES)
def test_json_round_trip(name: str) -> None:
    profile = get_profile(name, size=(368, 640), paper_kl=True)
    assert Profile.from_json(profile.to_json()) == profile


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'heads': 5}, 'width must be a multiple of heads'),
        ({'width': 198, 'heads': 3}, 'width must be a multiple of 4'),
        ({'decoder_heads': 7}, 'latent must be a multiple of decoder_heads'),
        ({'depth': 0}, 'depth'),
        ({'patch': 16.0}, 'patch'),
        ({'depth': True}, 'depth'),
        ({'size': (224, 220)}, 'size'),
        ({'size': (224,)}, 'size'),
        ({'size': (0, 16)}, 'size'),
        ({'beta': -0.1}, 'beta'),
    ],
)
def test_values_that_make_no_model_are_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        get_profile('tiny', **change)


@pytest.mark.parametrize(
    'text', ['', '[]', '3', '{}', '{"name": "x"}', '{"size": 3}', 'null', 'extra', 'beta']
)
def test_json_that_is_no_profile_is_refused(text: str) -> None:
    values = json.loads(get_profile('tiny').to_json())
    if text == 'extra':
        text = json.dumps(values | {'colour': 1})
    elif text == 'beta':
        text = json.dumps(values | {'beta': 'high'})
    with pytest.raises(InputError, match='not a profile'):
        Profile.from_json(text)
