"""Comparison of losses: a training in float32 against the same training with all speedups."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from distilpose.checkpoints.writing import write_atomically
from distilpose.config.named_teachers import named_teachers
from distilpose.engine import train
from distilpose.engine.fast_training import use_fast_training
from distilpose.engine.launch import load_and_change
from distilpose.errors import DistilPoseError
from distilpose.report import Curve, draw_curves

from .history import read_history

WAYS = {'float32': 'baseline', 'fast': 'distilled'}
"""Way of training -> its colour."""
_WINDOWS = 4
_EVERY_ITERATION = {'default_hooks.logger.interval': 1, 'log_processor.window_size': 1}
_STYLE = """text { font: 13px system-ui, sans-serif; fill: #667085 } .grid { stroke: #d8d2c6 } path { fill: none }
.baseline { stroke: #6b7a90 } .distilled { stroke: #0f8a7e } .line { stroke-width: 1.8 } .raw { opacity: .2 }
text.key { font-weight: 600; stroke: none } text.baseline { fill: #6b7a90 } text.distilled { fill: #0f8a7e }"""


def compare_losses(config: str, *, seeds: Sequence[int], work_dir: Path, options: Mapping[str, Any] | None = None,
                   data_root: str | None = None) -> str:
    """Trains a config as it is, in float32, and with everything on, from the same weights on the same batches.

    Args:
        config: as :func:`distilpose.engine.train` takes it, in float32.
        seeds: both ways are trained with each.
        work_dir: a new folder, for ``seed_<seed>/<way>`` and the chart ``losses.svg``.
        options: dotted key -> value, put into the config, such as ``train_cfg.max_epochs``.
        data_root: folder of the data, instead of the config's.

    Returns:
        A table of the losses as Markdown.

    Raises:
        DistilPoseError: the folder is there already, or a training cannot start.
    """
    if work_dir.exists():
        raise DistilPoseError(f'{work_dir} is there already; name a new --work-dir, so that no losses are mixed')
    cfg, _ = load_and_change(config, options={**(options or {}), **_EVERY_ITERATION}, data_root=data_root, fast='off')
    make: dict[str, Callable[[Config], Config]] = dict(float32=in_float32, fast=with_everything_on)
    found: dict[str, list[np.ndarray]] = {way: [] for way in WAYS}
    for seed in seeds:
        for way in WAYS:
            folder = work_dir / f'seed_{seed}' / way
            train(make[way](cfg), work_dir=folder, seed=seed, validate=False)
            found[way].append(read_history(folder)['loss'].values)
    losses = {way: np.stack(values) for way, values in found.items()}
    write_atomically(work_dir / 'losses.svg', chart(losses))
    return table(losses)


def in_float32(cfg: Config) -> Config:
    """The training of the config as it is, with a teacher that predicts with its stored network, not with a copy."""
    cfg = copy.deepcopy(cfg)
    for _, teacher in named_teachers(cfg.model).values():
        if 'type' not in teacher:
            teacher.fused = False
    return cfg


def with_everything_on(cfg: Config) -> Config:
    """The training with ``--fast bfloat16``, also where the machine does not multiply that type fast."""
    cfg = copy.deepcopy(cfg)
    use_fast_training(cfg, 'bfloat16')
    return cfg


def table(losses: Mapping[str, np.ndarray]) -> str:
    """Mean losses of both ways in parts of the training.

    Args:
        losses: way -> (S, N) of S seeds and N iterations.

    Returns:
        Markdown. The last column is the difference of both ways' means as a multiple of the spread over seeds (the
        standard deviation, in float32).
    """
    lines = ['| iterations | float32 | spread over seeds | fast | mean difference of a seed | difference in spreads |',
             '|---|---|---|---|---|---|']
    for window in np.array_split(np.arange(losses['float32'].shape[1]), _WINDOWS):
        plain, fast = (losses[way][:, window].mean(axis=1) for way in WAYS)
        spread, difference = plain.std(ddof=1) if len(plain) > 1 else np.nan, fast.mean() - plain.mean()
        lines.append(f'| {window[0] + 1} to {window[-1] + 1} | {plain.mean():.5g} | {spread:.2g} | {fast.mean():.5g} | '
                     f'{np.abs(fast - plain).mean():.2g} | {difference / spread:+.2f} |')
    return '\n'.join(lines)


def chart(losses: Mapping[str, np.ndarray]) -> str:
    """A picture (SVG) of all seeds' losses, of the running mean in strong lines."""
    curves = [Curve(WAYS[way], way, values.tolist()) for way, seeds in losses.items() for values in seeds]
    drawing = re.search(r'<svg (.*?)>(.*)</svg>', draw_curves(curves, label='loss'), flags=re.DOTALL)
    assert drawing is not None  # there are losses
    keys = ''.join(f'<text class="key {role}" x="{460 + 80 * index}" y="30">{way}</text>'
                   for index, (way, role) in enumerate(WAYS.items()))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" {drawing[1]}><style>{_STYLE}</style>'
            f'<rect width="100%" height="100%" fill="#fffdf9"/>{drawing[2]}{keys}</svg>\n')
