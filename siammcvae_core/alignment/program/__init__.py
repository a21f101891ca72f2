# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Alignment, features and composite as a PyTorch program: batched, of static shapes, for GPUs.

It computes what `alignment.align`, `alignment.features` and `alignment.composite` compute in NumPy
and OpenCV, which stay the faster way on CPUs; a test holds the two together. Tensors are float32,
(B, C, h, w), frames in grey levels from 0 to 255 and BGR, displacements as (x, y) in working pixels
along C. Rectangles are the same for the whole batch, and known when the program is traced.
"""
