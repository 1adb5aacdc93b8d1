"""Figures as people read them, and the table in Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from distilpose.errors import printable
from distilpose.report.figures import ABSENT, in_percent, in_units

HEADINGS = dict(ap='AP', ap50='AP50', ap75='AP75', mean_oks='OKS', pck='PCK')
COMPARED = ('ap', 'mean_oks', 'pck')
MEANINGS = dict(
    ap='COCO average precision over OKS thresholds 0.50 to 0.95, with the boxes of the annotation',
    ap50='average precision at OKS 0.50',
    ap75='average precision at OKS 0.75',
    mean_oks='mean object-keypoint similarity of all people; free of confidence scores',
    pck='PCK@0.1: joints within a tenth of the longer side of the box; free of confidence scores')
ABOUT_KEYPOINTS = ('AP of one keypoint is COCO AP with the annotations of that keypoint only; predictions are ranked '
                   'by the score of the whole person.')
NO_GAP = 'undefined'


def percent(value: float | None, digits: int = 1) -> str:
    """0.4567 as ``45.7``; what is not defined as a dash."""
    return ABSENT if value is None else in_percent(value, digits)


def spread(values: Mapping[str, float | None]) -> str:
    """Mean over seeds with its range: ``13.2 (12.9 to 13.5)``, or the mean alone where the seeds agree."""
    mean, low, high = (percent(values[name]) for name in ('mean', 'low', 'high'))
    return mean if low == high else f'{mean} ({low} to {high})'


def gained(entry: Mapping[str, Any]) -> str:
    """A difference with its interval in points: ``+7.8 (6.1 to 9.4)``."""
    if entry['value'] is None:
        return ABSENT
    bounds = '' if entry['low'] is None else f' ({100 * entry["low"]:+.1f} to {100 * entry["high"]:+.1f})'
    return f'{100 * entry["value"]:+.1f}{bounds}'


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
            'replacement, the same for every model; it says how much other images would change, not how much another '
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
    parts = [_table(['model', *HEADINGS.values(), 'params', 'MACs'], _models(summary)),
             _table(['student', 'gain in AP', *(f'gap closed, {HEADINGS[name]}' for name in COMPARED)],
                    _students(summary))]
    if len(summary['seeds']) > 1:
        parts.append(_table(['seed', 'model', *HEADINGS.values(), 'gap closed, AP'], runs(summary)))
    roles = list(summary['models'])
    parts.append(_table(['AP of one keypoint', *(summary['models'][role]['title'] for role in roles)],
                        _joints(summary, roles)))
    parts += [about_figures(summary), about_gaps(summary), ABOUT_KEYPOINTS]
    return _page([*parts, *_notes(summary)])


def markdown_of_models(summary: Mapping[str, Any]) -> str:
    """The figures of models without a teacher as Markdown."""
    names, first = summary['models'], next(iter(summary['models'].values()))['title']
    parts = [_table(['model', *HEADINGS.values(), 'params', 'MACs'], _models(summary)),
             _table([f'more than {first}', *(HEADINGS[name] for name in COMPARED)],
                    [[names[role]['title'], *(gained(entry[name]) for name in COMPARED)]
                     for role, entry in summary['gain'].items()])]
    if len(summary['seeds']) > 1:
        parts.append(_table(['seed', 'model', *HEADINGS.values()], [_of_seed(run, summary) for run in summary['runs']]))
    return _page([*parts, about_figures(summary), about_draws(summary), *_notes(summary)])


def _notes(summary: Mapping[str, Any]) -> list[str]:
    versions = ', '.join(f'{name} {number}' for name, number in summary['versions'].items())
    return [*(f'Note: {plain(note)}.' for note in summary['notes']), f'{_code(summary["command"])} with {versions}.']


def _page(parts: Sequence[str]) -> str:
    return '\n\n'.join(parts) + '\n'


def _models(summary: Mapping[str, Any]) -> list[list[str]]:
    return [[model['title'], *(spread(summary['over_seeds'][role][name]) for name in HEADINGS),
             in_units(model['parameters']), in_units(model['macs'])] for role, model in summary['models'].items()]


def _students(summary: Mapping[str, Any]) -> list[list[str]]:
    return [[summary['models'][role]['title'], gained(summary['gain'][role]['ap']),
             *(closed(entry[name]) for name in COMPARED)] for role, entry in summary['gap_closed'].items()]


def runs(summary: Mapping[str, Any]) -> list[list[str]]:
    """One row a training: seed, model, all figures, gap closed in AP."""
    rows = []
    for run in summary['runs']:
        gaps = summary['gap_closed'].get(run['role'])
        rows.append([*_of_seed(run, summary),
                     closed(gaps['ap']['by_seed'][str(run['seed'])]) if gaps else ''])
    return rows


def _of_seed(run: Mapping[str, Any], summary: Mapping[str, Any]) -> list[str]:
    return [str(run['seed']), summary['models'][run['role']]['title'],
            *(percent(run['figures'][name]) for name in HEADINGS)]


def _joints(summary: Mapping[str, Any], roles: Sequence[str]) -> list[list[str]]:
    return [[joint.replace('_', ' '), *(percent(summary['keypoints'][role][joint]['ap']) for role in roles)]
            for joint in summary['keypoints'][roles[0]]]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ['---', *(['---:'] * (len(head) - 1))], *rows]
    return '\n'.join(f'| {" | ".join(plain(cell.replace("|", "/")) for cell in line)} |' for line in lines)


def plain(text: str) -> str:
    """Text of others in Markdown: one line, with nothing in it that is HTML, a link, a picture or code."""
    line = printable(' '.join(text.split()))
    return re.sub(r'([\\`\[\]])', r'\\\1', escape(line, quote=False))


def _code(text: str) -> str:
    """The same as code, between more backticks than it has in a row."""
    line = printable(' '.join(text.split()))
    fence = '`' * (1 + max(map(len, re.findall('`+', line)), default=0))
    space = ' ' if '`' in line else ''
    return f'{fence}{space}{line}{space}{fence}'
