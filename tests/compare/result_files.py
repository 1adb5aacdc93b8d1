"""Result files of trainings that never were, for figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_IMAGES = np.random.default_rng(0).normal(size=1000)


def write_result(folder: Path, model: str, pck: float, *, title: str | None = None, family: str = '',
                 seeds: Sequence[int | None] = (0, 1), sha256: str = 'a') -> None:
    """Result files of a model; ``[None]`` for the seeds of a teacher."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        value = pck + 0.01 * (seed or 0)
        draws = np.round(value + 0.02 * _IMAGES, 6).tolist()
        entry = dict(plan=folder.name, model=model, title=title or model, family=family, seed=seed,
                     figures=dict(pck=value, ap=value / 2, mean_oks=None), draws=dict(pck=draws, ap=draws),
                     checkpoint_sha256=sha256)
        name = f'{model}.json' if seed is None else f'{model}_seed{seed}.json'
        (folder / name).write_text(json.dumps(entry))


def write_costs(folder: Path, **milliseconds: float) -> None:
    """``cost.json`` with the name of each file as its SHA-256."""
    rows = [dict(name=name, file=f'{name}.onnx', milliseconds=value, sha256=name) for name, value in
            milliseconds.items()]
    (folder / 'cost.json').write_text(json.dumps(dict(rows=rows)))
