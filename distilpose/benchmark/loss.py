"""Benchmark of the simulated-heatmap loss alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from mmengine.config import Config
from torch import Tensor

from distilpose.config.models import keypoint_metainfo
from distilpose.config.walk import type_name
from distilpose.distillation.teachers import read_teacher_source
from distilpose.distillation.terms import draw_simulated_heatmaps, simulated_heatmap_loss
from distilpose.errors import DistilPoseError

from .display import Report
from .inputs import batch_size
from .machine import added_at_peak, chosen_machine
from .reference import drawn_heatmap_loss
from .timing import interleave, repeated

_SECONDS_OF_A_RUN = 0.02


def measure(cfg: Config, args: argparse.Namespace) -> Report:
    """Times value and gradients of the loss, for random keypoints and teacher heatmaps with gaussians near them.

    Raises:
        DistilPoseError: the config distils no simulated heatmaps.
    """
    masking, size, keypoints = _sizes(cfg)
    images = batch_size(cfg, args.batch_size)
    losses: dict[str, Callable[..., Tensor]] = {'config': simulated_heatmap_loss}
    if args.baseline:
        losses['published'] = drawn_heatmap_loss
    with chosen_machine(args) as machine:
        values = _values((images, keypoints), size, machine.device)
        variants = {
            name: repeated(partial(_take, loss, masking, *values), units=images, at_least=_SECONDS_OF_A_RUN,
                           clock=machine.clock) for name, loss in losses.items()}
        return Report('images', interleave(variants, runs=args.runs, clock=machine.clock), machine.meaning,
                      memory=added_at_peak(variants, machine.device))


def _take(loss: Callable[..., Tensor], masking: str, coords: Tensor, sigmas: Tensor, heatmaps: Tensor,
          weights: Tensor) -> None:
    value = loss(coords, sigmas, heatmaps, weights=weights, masking=masking)
    torch.autograd.grad(value, (coords, sigmas))


def _values(shape: tuple[int, int], size: tuple[int, int], device: torch.device) -> list[Tensor]:
    """Coordinates, sigmas, heatmaps and weights, of (images, joints) and (width, height) of a heatmap."""
    draw = torch.Generator().manual_seed(0)
    coords, near = torch.rand(*shape, 2, generator=draw), torch.randn(*shape, 2, generator=draw)
    sigmas = torch.full((*shape, 2), 2.0)
    heatmaps = draw_simulated_heatmaps(coords + near / torch.tensor(size), sigmas, size=size)
    heatmaps += 0.01 * torch.randn(heatmaps.shape, generator=draw)  # as a network's, which are not 0 far out
    weights = (torch.rand(*shape, generator=draw) < 0.8).float()
    return [coords.to(device).requires_grad_(), sigmas.to(device).requires_grad_(), heatmaps.to(device),
            weights.to(device)]


def _sizes(cfg: Config) -> tuple[str, tuple[int, int], int]:
    """How the loss masks joints, (width, height) of the teacher's heatmaps, and the number of joints."""
    terms = (cfg.model.get('terms') or {}).values()
    term = next((term for term in terms if term and type_name(term['type']) == 'SimulatedHeatmapTerm'), None)
    metainfo = keypoint_metainfo(cfg)
    if term is None or metainfo is None:
        raise DistilPoseError('the config has no SimulatedHeatmapTerm among its terms, or no keypoints; take one of '
                              'DistilPose')
    teacher = cfg.model.teacher
    drawn = teacher.get('heatmaps') or {}
    size = drawn.get('size') or read_teacher_source(teacher).model['head']['decoder']['heatmap_size']
    return term.get('masking', 'intended'), (size[0], size[1]), metainfo['num_keypoints']
