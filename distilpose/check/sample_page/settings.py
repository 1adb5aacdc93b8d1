"""Settings on the sample page: networks, input, pipelines and keypoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from distilpose.config.walk import type_name
from distilpose.distillation import PoseDistiller
from distilpose.distillation.image_adapter import read_input
from distilpose.distillation.teachers.keypoint_names import side_of
from distilpose.structures import ONLY_TEACHER, NetworkInput

from ...engine.summary import describe_data, describe_model
from ...engine.unwrapped_model import unwrapped_model
from .findings import Counts
from .targets import Keypoints

_PLACES = dict(train_dataloader='training', val_dataloader='validation', default_hooks='a hook',
               custom_hooks='a hook')


def describe_settings(runner: Runner, *, people: int) -> str:
    """Networks, their inputs, seed and numbers."""
    model = unwrapped_model(runner)
    facts: dict[str, str] = {}
    last = ''
    for line in (*describe_model(runner), *describe_data(runner)):
        name, _, text = line.partition(': ')
        if text:
            last, facts[name] = name, text
        else:
            facts[last] = f'{facts.get(last, "")} {line}'.strip()
    if isinstance(model, PoseDistiller):
        facts["student's input"] = _describe_input(read_input(model.student))
        for name, paired in model.teachers.items():
            title = "teacher's input" if name == ONLY_TEACHER else f'input of {name}'
            facts[title] = _describe_input(paired.teacher.input) + (
                ', a crop of its own' if paired.own_crop is not None else ", the student's crop")
    else:
        facts['input'] = _describe_input(read_input(model))
    facts['seed'] = str(runner.seed)
    facts['shown'] = f'{people} people of each part, always the same ones'
    entries = ''.join(f'<dt>{escape(name)}</dt><dd>{escape(text)}</dd>' for name, text in facts.items())
    return f'<h2>Settings</h2><div class="card"><dl class="facts">{entries}</dl></div>'


def list_pipelines(cfg: Config) -> str:
    """The steps of every pipeline, in their order."""
    blocks = []
    for place, path, steps in _pipelines(cfg):
        items = ''.join(f'<li><code>{escape(_describe_step(step))}</code></li>' for step in steps)
        blocks.append(f'<details{" open" if place == "training" else ""}><summary>Pipeline: {escape(place)} '
                      f'<code>{escape(path)}</code></summary><ol>{items}</ol></details>')
    return f'<div class="card pipelines">{"".join(blocks)}</div>' if blocks else ''


def keypoint_table(metainfo: Mapping[str, Any], counts: Sequence[Counts], *, title: str) -> str:
    """Names in their order, the partners of a flip, weights, and in how many people each one is labelled."""
    names, flip = Keypoints.of(metainfo).names, [int(index) for index in metainfo['flip_indices']]
    weights, sigmas = metainfo.get('dataset_keypoint_weights'), metainfo.get('sigmas')
    shares = next((count.labelled for count in counts if count.labelled is not None), None)
    rows = []
    for index, name in enumerate(names):
        partner = names[flip[index]] if flip[index] != index else '–'
        is_mutual = flip[flip[index]] == index
        cells = [f'<td class="text">{escape(name)}</td>', f'<td class="text">{side_of(name) or "middle"}</td>',
                 f'<td class="text{"" if is_mutual else " wrong"}">{escape(partner)}</td>',
                 f'<td>{f"{float(weights[index]):g}" if weights is not None and len(weights) > index else "–"}</td>',
                 f'<td>{f"{float(sigmas[index]):.3f}" if sigmas is not None and len(sigmas) > index else "–"}</td>',
                 '<td>–</td>' if shares is None else
                 f'<td{"" if shares[index] else " class=wrong"}>{100 * shares[index]:.0f} %</td>']
        rows.append(f'<tr><th scope="row"><i class="{side_of(name) or "middle"}"></i>{index}</th>{"".join(cells)}</tr>')
    return (f'<details class="card scroll"><summary>{len(names)} keypoints of {escape(title)}, in their order</summary>'
            '<table class="plain"><thead><tr><th scope="col">index</th><th scope="col" class="text">name</th>'
            '<th scope="col" class="text">side</th><th scope="col" class="text">in a flip</th>'
            '<th scope="col">weight</th><th scope="col">sigma</th><th scope="col">labelled in</th></tr></thead>'
            f'<tbody>{"".join(rows)}</tbody></table></details>')


def _describe_input(images: NetworkInput) -> str:
    size = 'any size' if images.size is None else f'{images.size[0]}×{images.size[1]} (width × height)'
    order = 'red, green, blue' if images.rgb else 'blue, green, red'
    if images.mean is None or images.std is None:
        return f'{size}, {order}, pixels of 0 to 255'
    mean, std = (', '.join(f'{value:g}' for value in values) for values in (images.mean, images.std))
    return f'{size}, {order}, mean {mean}, std {std}'


def _pipelines(cfg: Config) -> Iterator[tuple[str, str, list[Mapping[str, Any]]]]:
    for key, place in _PLACES.items():
        yield from ((place, path, steps) for path, steps in _found(cfg.get(key), key))


def _found(node: Any, path: str) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            is_pipeline = str(key).endswith('pipeline') and isinstance(value, (list, tuple))
            if is_pipeline and value and all(isinstance(step, Mapping) for step in value):
                after = f', from epoch {node["switch_epoch"] + 1} on' if 'switch_epoch' in node else ''
                yield f'{path}.{key}{after}', list(value)
            elif not is_pipeline:
                yield from _found(value, f'{path}.{key}')
    elif isinstance(node, (list, tuple)):
        for place, value in enumerate(node):
            yield from _found(value, f'{path}[{place}]')


def _describe_step(step: Mapping[str, Any]) -> str:
    options = ', '.join(f'{key}={_short(value)}' for key, value in step.items() if key != 'type')
    return f'{type_name(step.get("type"))}({options})'


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and 'type' in value:
        return _describe_step(value)
    if isinstance(value, (list, tuple)) and any(isinstance(part, Mapping) for part in value):
        return f'[{", ".join(map(_short, value))}]'
    return repr(tuple(value) if isinstance(value, list) else value)
