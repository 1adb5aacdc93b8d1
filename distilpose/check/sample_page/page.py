"""Sample page: settings, counts and findings on top, then people of every part of the data."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner

from distilpose.checkpoints.writing import write_atomically
from distilpose.distillation import PoseDistiller
from distilpose.distillation.image_adapter import read_input
from distilpose.distillation.teachers.decoding import certainty_of, coordinates_of
from distilpose.errors import DistilPoseError
from distilpose.report import limb_key, whole_page
from distilpose.structures import NetworkInput, PoseOutputs

from ...distillation.teacher_report.predictions import heatmap_grid_of, simcc_beta_of, untouched_randomness
from ...engine.unwrapped_model import unwrapped_model
from .findings import Counts, count_outside, count_people, flip_findings, order_findings
from .samples import Sample, Source, draw_samples, list_sources, split_ratio
from .settings import describe_settings, keypoint_table, list_pipelines
from .style import STYLE
from .targets import (
    Crop,
    Keypoints,
    Quality,
    keypoints_svg,
    other_targets,
    own_crop_figure,
    target_figures,
    teacher_figures,
)

FILE = 'samples.html'
"""In the work directory of a check."""
MOST_PEOPLE = 100
DRAWS = 3
LARGEST = 3_000_000
"""Bytes of the page."""
SECONDS = 60
"""Time for teacher outputs; people after that have none on the page."""
_QUALITIES = (Quality(), Quality(320, 70), Quality(224, 60), Quality(160, 50), Quality(112, 40))
_SIDE_IN_PICTURE = 220
"""Longest side of the small picture that a person was cut from."""


class Given(NamedTuple):
    """What a network is given of one sample."""

    image: np.ndarray
    """(H, W, 3) BGR pixels, the normalisation undone."""
    lowest: float
    highest: float
    teacher: dict[str, np.ndarray] | None
    """See :func:`~.targets.teacher_figures`."""


@dataclass(frozen=True)
class Person:
    """One person in several draws."""

    samples: Sequence[Sample]
    given: Sequence[Given | None]
    """``None`` where the sample could not be prepared."""


@dataclass(frozen=True)
class Part:
    """The samples of one kind: training, without annotations, validation."""

    title: str
    under: str
    keypoints: Keypoints
    people: Sequence[Person]
    split_ratio: float
    """SimDR's bins of a pixel."""
    terms: Mapping[str, Sequence[str]]
    """Field of the teacher's outputs -> names of the terms that read it."""


@torch.no_grad()
def write_sample_page(runner: Runner, *, people: int = 8) -> Path:
    """Writes the page of what a Runner has built, in whose work directory it lies.

    Neither model nor data change, and no random number outside is drawn.

    Args:
        runner: with its loops built.
        people: of each part; fewer where the page would become too large.

    Raises:
        DistilPoseError: samples could not be prepared, which the page shows; names the first.
    """
    loaders = dict(train=runner.train_dataloader, val=None if runner.val_loop is None else runner.val_loop.dataloader)
    datasets = {name: loader.dataset for name, loader in loaders.items() if loader is not None}
    sources = {name: list_sources(dataset) for name, dataset in datasets.items()}
    counts = {name: [count_people(source) for source in found] for name, found in sources.items()}
    with untouched_randomness():
        parts = list(_parts(runner, datasets, sources, people, until=time.monotonic() + SECONDS))
    findings = [*_findings(datasets, sources, counts), *_failures(parts)]
    head = [_hero(runner), _found(findings), _counts(sources, counts), describe_settings(runner, people=people),
            list_pipelines(runner.cfg), *(keypoint_table(dataset.metainfo, counts[name], title=name)
                                          for name, dataset in _first_of_each(datasets))]
    file = Path(runner.work_dir, FILE)
    write_atomically(file, _fitting(head, parts))
    failures = list(_failures(parts))
    if failures:
        raise DistilPoseError(f'{failures[0]}; {file} shows this and {len(failures) - 1} more such samples')
    return file


def _parts(runner: Runner, datasets: Mapping[str, Any], sources: Mapping[str, list[Source]], people: int, *,
           until: float) -> Iterator[Part]:
    kinds = (('train', True, 'Training', f'As the training sees them: each person in {DRAWS} epochs of this seed, '
              'one of them flipped and one not where the pipeline flips.', DRAWS),
             ('train', False, 'Without annotations', 'Only the teacher supervises these images; no keypoint is '
              'labelled.', DRAWS),
             ('val', True, 'Validation', 'Without augmentation, as they are predicted.', 1))
    for name, is_labelled, title, under, draws in kinds:
        some = [source for source in sources.get(name, ()) if name == 'val' or source.is_labelled == is_labelled]
        if some:
            drawn = draw_samples(datasets[name], some, people=people, draws=draws, seed=int(runner.seed or 0))
            yield Part(title, under, Keypoints.of(datasets[name].metainfo),
                       [_person(runner, samples, is_training=name == 'train', until=until) for samples in drawn],
                       split_ratio(datasets[name]), _terms(unwrapped_model(runner)))


def _terms(model: Any) -> dict[str, list[str]]:
    terms = model.terms if isinstance(model, PoseDistiller) else {}
    return {field: [name for name, term in terms.items() if field in term.teacher_fields]
            for field in PoseOutputs._fields}


def _person(runner: Runner, samples: Sequence[Sample], *, is_training: bool, until: float) -> Person:
    given = [None if sample.packed is None else _given(unwrapped_model(runner), sample.packed, is_training, until=until)
             for sample in samples]
    return Person(samples, given)


def _given(model: Any, packed: dict[str, Any], is_training: bool, *, until: float) -> Given:
    """What the network is given, and what the teacher predicts as long as there is time."""
    data = model.data_preprocessor(pseudo_collate([packed]), is_training)
    images = data['inputs']
    network = model.student if isinstance(model, PoseDistiller) else model
    teacher = None
    if isinstance(model, PoseDistiller) and _can_run(model, is_training) and time.monotonic() < until:
        teacher = _shown(model, model.run_teacher(images, data['data_samples']))
    return Given(_pixels(images[0], read_input(network)), float(images.min()), float(images.max()), teacher)


def _can_run(model: PoseDistiller, is_training: bool) -> bool:
    """Whether there are outputs of the teacher, or combined ones, and samples have the crops for them."""
    paired = model.teachers.values()
    has_crops = is_training or all(one.own_crop is None for one in paired)
    return has_crops and (len(paired) == 1 or model.combination is not None)


def _pixels(image: torch.Tensor, kind: NetworkInput) -> np.ndarray:
    """(3, H, W) as a network takes it to (H, W, 3) BGR."""
    values = image.float().cpu()
    if kind.mean is not None and kind.std is not None:
        values = values * torch.tensor(kind.std).reshape(3, 1, 1) + torch.tensor(kind.mean).reshape(3, 1, 1)
    values = values.flip(0) if kind.rgb else values
    return values.round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy()


def _shown(model: PoseDistiller, outputs: PoseOutputs) -> dict[str, np.ndarray]:
    """The teacher's outputs of one person as arrays."""
    beta = simcc_beta_of(model)
    certainty = certainty_of(outputs, beta=beta)
    predicted = dict(coords=coordinates_of(outputs, grid=heatmap_grid_of(model)), certainty=certainty,
                     mask=torch.ones_like(certainty) if outputs.mask is None else outputs.mask)
    if outputs.heatmaps is not None:
        predicted['heatmaps'] = outputs.heatmaps[-1]
    if outputs.simcc is not None:
        for name, logits in zip(('simcc_x', 'simcc_y'), outputs.simcc, strict=True):
            predicted[name] = (logits.float() * beta).softmax(-1)
    return {name: value[0].float().cpu().numpy() for name, value in predicted.items()}


def _first_of_each(datasets: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The data sets whose keypoints are worth a table of their own."""
    seen: list[Any] = []
    for name, dataset in datasets.items():
        kind = (Keypoints.of(dataset.metainfo).names, list(dataset.metainfo['flip_indices']))
        if kind not in seen:
            seen.append(kind)
            yield name, dataset


def _findings(datasets: Mapping[str, Any], sources: Mapping[str, list[Source]],
              counts: Mapping[str, list[Counts]]) -> Iterator[str]:
    """Everything that is probably wrong."""
    for name, dataset in datasets.items():
        for finding in flip_findings(dataset.metainfo):
            yield f'{name}: {finding}'
    if len(datasets) == 2:
        yield from order_findings(datasets['train'].metainfo, datasets['val'].metainfo)
    for name, found in sources.items():
        for source, count in zip(found, counts[name], strict=True):
            for reason, named in count.left_out.items():
                if 'no size' in reason:
                    yield f'{name}, {source.name}: {len(named)} {reason}, such as {named[0]}'


def _failures(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        for person in part.people:
            for sample in person.samples:
                if sample.error:
                    yield f'{part.title}: {sample.title} cannot be prepared ({sample.error})'


def _fitting(head: Sequence[str], parts: Sequence[Part]) -> str:
    """The page with pictures as good, and then as many people, as fit into its size."""
    while True:
        for quality in _QUALITIES:
            page = whole_page('distilpose: samples', [*head, *(_section(part, quality) for part in parts)], style=STYLE)
            if len(page.encode()) <= LARGEST:
                return page
        if max(len(part.people) for part in parts) < 2:
            return page
        parts = [replace(part, people=part.people[:-(-len(part.people) // 2)], under=f'{part.under} Fewer people than '
                         'asked for, so that the page does not become too large.'
                         if 'Fewer people' not in part.under else part.under) for part in parts]


def _hero(runner: Runner) -> str:
    name = Path(runner.cfg.filename or 'a config').name
    return (f'<p class="eyebrow">distilpose · check --browse</p><h1>What the network sees</h1>'
            f'<p class="lead"><code>{escape(name)}</code></p>')


def _found(findings: Sequence[str]) -> str:
    if not findings:
        return ''
    items = ''.join(f'<li>{escape(text)}</li>' for text in findings[:20])
    more = f'<li>and {len(findings) - 20} more</li>' if len(findings) > 20 else ''
    return f'<div class="card found"><h3>Look at this first</h3><ul>{items}{more}</ul></div>'


def _counts(sources: Mapping[str, list[Source]], counts: Mapping[str, list[Counts]]) -> str:
    rows = []
    for name, found in sources.items():
        for source, count in zip(found, counts[name], strict=True):
            reasons = '<br>'.join(map(escape, count.lines())) or ('nothing' if count.annotated is not None else '–')
            left = '–' if count.annotated is None else count.annotated - count.used
            kind = name if source.is_labelled else f'{name}, without annotations'
            rows.append(f'<tr><th scope="row">{escape(kind)}</th><td class="text">{escape(source.name)}</td>'
                        f'<td>{count.used}</td><td>{left}</td><td class="text wide">{reasons}</td></tr>')
    return ('<h2>People</h2><div class="card scroll"><table class="plain"><thead><tr><th scope="col">part</th>'
            '<th scope="col" class="text">data set</th><th scope="col">used</th><th scope="col">left out</th>'
            '<th scope="col" class="text">why</th></tr></thead>'
            f'<tbody>{"".join(rows)}</tbody></table></div>')


def _section(part: Part, quality: Quality) -> str:
    blocks = [_block(part, place, person, quality) for place, person in enumerate(part.people)]
    return (f'<h2>{escape(part.title)}</h2><p class="under">{escape(part.under)}</p>{_key()}'
            f'<div class="samples">{"".join(blocks)}</div>')


def _key() -> str:
    return (f'{limb_key()}<div class="key marks"><span><b class="ring hidden"></b>dark centre: hidden in the image'
            '</span><span><b class="ring unlearnt"></b>ring: labelled, weight 0 in the loss</span>'
            "<span>left and right are the person's own</span></div>")


def _block(part: Part, place: int, person: Person, quality: Quality) -> str:
    first = person.samples[0]
    kind = '' if first.source.is_labelled else ' <b class="badge">no annotation</b>'
    figures = []
    for number, (sample, given) in enumerate(zip(person.samples, person.given, strict=True)):
        key = f'{part.title.split()[0].lower()}-{place}-{number}'
        figures.append(f'<p class="error">{escape(sample.error)}</p>' if given is None
                       else _draw(key, sample, given, part, quality))
    return (f'<article class="card"><h3>{escape(first.title)}{kind}<small>{escape(first.source.name)}</small></h3>'
            f'<div class="person-in"><div>{_in_picture(first, quality)}</div>'
            f'<div class="draws">{"".join(figures)}</div></div></article>')


def _draw(key: str, sample: Sample, given: Given, part: Part, quality: Quality) -> str:
    """The figures of one draw, side by side."""
    keypoints = part.keypoints
    crop = Crop(key, given.image, quality)
    points, visible, weights = sample.points, sample.visible, sample.weights
    drawn = '' if points is None else keypoints_svg(points, visible, weights, keypoints, thickness=crop.thickness)
    figures = [crop.figure(crop.define() + drawn, _named(sample), notes=list(_notes(sample, given, crop)), css='crop',
                           badge=f'⇄ flipped {sample.flip}ly' if sample.flip else '')]
    for index, (teachers, (image, place)) in enumerate(sample.teacher_crops.items()):
        figures.append(own_crop_figure(f'{key}-t{index}', image, place, crop, points, visible, keypoints,
                                       teachers=teachers))
    if sample.source.is_labelled:
        figures += target_figures(crop, sample.results, keypoints, split_ratio=part.split_ratio)
    if given.teacher is not None:
        figures += teacher_figures(crop, given.teacher, keypoints, terms=part.terms)
    return f'<div class="draw">{"".join(figures)}</div>'


def _named(sample: Sample) -> str:
    return f'epoch {sample.epoch + 1}' if sample.weights is not None or not sample.source.is_labelled else 'crop'


def _notes(sample: Sample, given: Given, crop: Crop) -> Iterator[str]:
    width, height = np.ravel(sample.results['input_scale'])[:2]
    turned = float(np.ravel(sample.results.get('bbox_rotation', 0.0))[0])
    yield f'{crop.width}×{crop.height} from {width:.0f}×{height:.0f}{f", turned {turned:+.0f}°" if turned else ""}'
    if sample.points is not None and sample.source.is_labelled:
        weights = sample.weights
        learnt = '' if weights is None else f', {int((weights > 0).sum())} with a weight'
        outside = count_outside(sample.points, sample.visible, (crop.width, crop.height))
        yield f'{int((sample.visible > 0).sum())} labelled{learnt}{f", {outside} outside" if outside else ""}'
    yield f'network gets {given.lowest:.2f} to {given.highest:.2f}'
    others = other_targets(sample.results, ('heatmap_mask', 'displacements', 'instance_heatmaps', 'instance_coords'))
    if others:
        yield f'also {", ".join(others)}'


def _in_picture(sample: Sample, quality: Quality) -> str:
    """The person's box in the picture as it is in the file."""
    image = cv2.imread(str(sample.results.get('img_path', '')))
    box = (sample.results.get('raw_ann_info') or {}).get('bbox')
    if image is None:
        return ''
    small = Crop('', image, replace(quality, side=min(quality.side, _SIDE_IN_PICTURE)))
    boxes = ''
    if box is None and not sample.flip and sample.results.get('bbox') is not None:
        corners = np.ravel(sample.results['bbox'])[:4]
        box = [*corners[:2], *(corners[2:] - corners[:2])]
    if box is not None:
        x, y, width, height = (float(value) for value in box)
        boxes = (f'<rect class="box" x="{x:.0f}" y="{y:.0f}" width="{max(width, 0):.0f}" '
                 f'height="{max(height, 0):.0f}"/>')
        if min(width, height) <= 0:
            boxes += f'<circle class="box" cx="{x:.0f}" cy="{y:.0f}" r="{4 * small.thickness:.0f}"/>'
    content = small.define().replace('id="" ', '') + boxes
    return small.figure(content, f'in its picture, {small.width}×{small.height}', css='source')
