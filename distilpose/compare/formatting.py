"""Formatting of metrics, gains and gaps: in percent, with ranges, as tables and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distilpose.report.metrics import ABSENT, in_percent, in_units
from distilpose.report.table import Table, code, plain

HEADINGS = dict(ap='AP', ap50='AP50', ap75='AP75', mean_oks='OKS', pck='PCK')
COMPARED = ('ap', 'mean_oks', 'pck')
MEANINGS = dict(
    ap='COCO average precision over OKS thresholds 0.50 to 0.95, with the boxes of the annotation',
    ap50='average precision at OKS 0.50',
    ap75='average precision at OKS 0.75',
    mean_oks='mean object-keypoint similarity of all people; free of confidence scores',
    pck='PCK@0.1: joints within a tenth of the longer side of the box; free of confidence scores')
COSTS = dict(
    params='trainable parameters',
    MACs='multiply-adds of convolutions, linear layers and attention, one image')
SPEED = {'images/s': 'forward passes a second, one image at a time, without reading or decoding it'}
ABOUT_KEYPOINTS = ('AP of one keypoint is COCO AP with the annotations of that keypoint only; predictions are ranked '
                   'by the score of the whole person.')
NO_GAP = 'undefined'


def spread(values: Mapping[str, float | None]) -> str:
    """Mean over seeds with its range: ``13.2 (12.9 to 13.5)``, or the mean alone where the seeds agree."""
    mean, low, high = (in_percent(values[name]) for name in ('mean', 'low', 'high'))
    return mean if low == high else f'{mean} ({low} to {high})'


def split_range(text: str) -> tuple[str, str]:
    """Mean and range of :func:`spread`, which a page has below each other."""
    mean, _, bounds = text.partition(' (')
    return mean, bounds.removesuffix(')')


def gained(entry: Mapping[str, Any]) -> str:
    """A difference with its interval in points: ``+7.8 (6.1 to 9.4)``."""
    if entry['value'] is None:
        return ABSENT
    bounds = '' if entry['low'] is None else f' ({_points(entry["low"])} to {_points(entry["high"])})'
    return f'{_points(entry["value"])}{bounds}'


def _points(share: float) -> str:
    return f'{round(100 * share, 1) + 0.0:+.1f}'  # no -0.0


def closed(entry: Mapping[str, Any]) -> str:
    """A share of the gap with its interval: ``47 % (38 to 57)``."""
    if entry['value'] is None:
        return NO_GAP
    value, low, high = (None if entry[name] is None else round(100 * entry[name]) for name in ('value', 'low', 'high'))
    return f'{value} % (no range)' if low is None else f'{value} % ({low} to {high})'


def about_figures(summary: Mapping[str, Any]) -> str:
    """What was measured on what, in sentences."""
    seeds, data = summary['seeds'], summary['data']
    text = f'In percent, on {data["people"]:,} annotated people in {data["images"]:,} validation images.'
    if len(seeds) > 1:
        text += f' Mean over the seeds {", ".join(map(str, seeds))}, with the lowest and the highest.'
    return text


def about_draws(summary: Mapping[str, Any]) -> str:
    """What the ranges of gains and gaps mean."""
    confidence, draws = (summary['bootstrap'][name] for name in ('confidence', 'draws'))
    return (f'In brackets is the range that holds {100 * confidence:.0f} % of {draws:,} draws of as many images with '
            'replacement, the same for every model; it shows how much other images would change, not how much another '
            'seed would.')


def about_gaps(summary: Mapping[str, Any]) -> str:
    """What gains, gaps and their intervals mean, in sentences."""
    means = ', of the means over the seeds' if len(summary['seeds']) > 1 else ''
    sentences = [
        f'Gap closed is (student - student alone) / (teacher - student alone){means}.',
        about_draws(summary)]
    entries = [entry[name] for entry in summary['gap_closed'].values() for name in COMPARED]
    if any(entry['value'] is None for entry in entries):
        sentences.append('A gap is undefined where the teacher is no better than the student alone.')
    if any(entry['value'] is not None and entry['low'] is None for entry in entries):
        sentences.append('A gap has no range where the teacher is no better in more than one draw of twenty.')
    return ' '.join(sentences)


def markdown(summary: Mapping[str, Any]) -> str:
    """The whole comparison as Markdown."""
    tables = [model_table(summary), students_table(summary)]
    if len(summary['seeds']) > 1:
        tables.append(runs_table(summary))
    parts = [table.markdown() for table in tables]
    if has_teacher(summary):
        parts += [keypoint_table(summary).markdown(), about_figures(summary), about_gaps(summary), ABOUT_KEYPOINTS]
    else:
        parts += [about_figures(summary), about_draws(summary)]
    versions = ', '.join(f'{name} {number}' for name, number in summary['versions'].items())
    parts += [f'Note: {plain(note)}.' for note in summary['notes']]
    return '\n\n'.join([*parts, f'{code(summary["command"])} with {versions}.']) + '\n'


def has_teacher(summary: Mapping[str, Any]) -> bool:
    """Whether students are compared with a teacher."""
    return 'gap_closed' in summary


def columns(summary: Mapping[str, Any]) -> dict[str, str]:
    """Heading -> meaning of the columns of :func:`model_table`, but for the name."""
    has_speed = all('images_per_second' in model for model in summary['models'].values())
    return {**{HEADINGS[name]: MEANINGS[name] for name in HEADINGS}, **COSTS, **(SPEED if has_speed else {})}


def model_table(summary: Mapping[str, Any]) -> Table:
    """Metrics and costs of every model."""
    names = list(columns(summary))
    rows = [[model['title'], *(spread(summary['over_seeds'][role][name]) for name in HEADINGS),
             in_units(model['parameters']), in_units(model['macs']),
             *([f'{model["images_per_second"]:.0f}'] if 'images/s' in names else [])]
            for role, model in summary['models'].items()]
    roles = list(summary['models'])
    return Table(['model', *names], rows, roles.index('distilled') if 'distilled' in roles else None)


def students_table(summary: Mapping[str, Any]) -> Table:
    """Gains over the baseline, and the gaps closed where there is a teacher."""
    models, gains = summary['models'], summary['gain']
    if has_teacher(summary):
        return Table(['student', 'gain in AP', *(f'gap closed, {HEADINGS[name]}' for name in COMPARED)],
                     [[models[role]['title'], gained(gains[role]['ap']), *(closed(entry[name]) for name in COMPARED)]
                      for role, entry in summary['gap_closed'].items()])
    return Table([f'more than {next(iter(models.values()))["title"]}', *(HEADINGS[name] for name in COMPARED)],
                 [[models[role]['title'], *(gained(entry[name]) for name in COMPARED)]
                  for role, entry in gains.items()])


def runs_table(summary: Mapping[str, Any]) -> Table:
    """One row a training: seed, model, all metrics, and the gap closed in AP where there is a teacher."""
    rows = []
    for run in summary['runs']:
        row = [str(run['seed']), summary['models'][run['role']]['title'],
               *(in_percent(run['figures'][name]) for name in HEADINGS)]
        if has_teacher(summary):
            gaps = summary['gap_closed'].get(run['role'])
            row.append(closed(gaps['ap']['by_seed'][str(run['seed'])]) if gaps else '')
        rows.append(row)
    return Table(['seed', 'model', *HEADINGS.values(), *(['gap closed, AP'] if has_teacher(summary) else [])], rows)


def keypoint_table(summary: Mapping[str, Any]) -> Table:
    """AP of every keypoint and model."""
    roles = list(summary['models'])
    return Table(['AP of one keypoint', *(summary['models'][role]['title'] for role in roles)],
                 [[joint.replace('_', ' '), *(in_percent(summary['keypoints'][role][joint]['ap']) for role in roles)]
                  for joint in summary['keypoints'][roles[0]]])
