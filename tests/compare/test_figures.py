"""Figures of result files: places, names and dashed teachers, and what is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from distilpose.compare.figures import KINDS, FigureRequest, write_figure
from distilpose.compare.formatting import COMPARED
from distilpose.errors import DistilPoseError
from distilpose_cli import results as results_options
from tests.compare.result_files import write_costs, write_result

SVG = '{http://www.w3.org/2000/svg}'


def draw(kind: str, *folders: Path, **options: Any) -> ElementTree.Element:
    file = write_figure(FigureRequest(kind, folders, folders[0] / 'figure.svg', **options))
    return ElementTree.fromstring(file.read_text())


def words(drawing: ElementTree.Element) -> list[str]:
    return [element.text or '' for element in drawing.iter(f'{SVG}text')]


def points(drawing: ElementTree.Element) -> dict[str, tuple[float, float]]:
    """Start of the tooltip -> place of the circle."""
    found = {}
    for circle in drawing.iter(f'{SVG}circle'):
        title = circle.find(f'{SVG}title')
        assert title is not None
        found[str(title.text)] = float(circle.get('cx', 'nan')), float(circle.get('cy', 'nan'))
    return found


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / 'main'
    write_result(folder, 'alone', 0.5, family='heatmaps')
    write_result(folder, 'distilled', 0.6, title='distilled & more', family='heatmaps')
    write_result(folder, 'tokens', 0.4, family='tokens', seeds=[0])
    write_result(folder, 'own', 0.8, title='Thunder, its own crop', seeds=[None], sha256='thunder')
    (folder / 'alone_search.json').write_text('{"trials": []}')
    return folder


def test_costs_are_those_of_the_model_or_of_the_teacher_of_the_same_file(results: Path) -> None:
    write_costs(results, alone=1.0, distilled=1.0, tokens=10.0, thunder=100.0, stranger=3.0)
    drawing = draw('cost', results)
    found = points(drawing)
    assert list(found) == ['alone, 1 ms: 50.5', 'distilled & more, 1 ms: 60.5', 'tokens, 10 ms: 40.0',
                           'Thunder, its own crop, 100 ms: 80.0']
    alone, distilled, tokens, teacher = found.values()
    assert distilled[0] == pytest.approx(alone[0], abs=5) and distilled[1] < alone[1] < tokens[1]
    assert teacher[0] - tokens[0] == pytest.approx(tokens[0] - distilled[0], abs=5)  # logarithmic
    assert {'1', '10', '100', 'tokens', 'distilled & more'} <= set(words(drawing))
    stair = next(path.get('d', '') for path in drawing.iter(f'{SVG}path') if path.get('class') == 'front')
    heights = [float(height) for height in re.findall(r'[ML]\S+ (\S+)', stair)]
    assert heights == [distilled[1], distilled[1], teacher[1], teacher[1]]  # tokens are worse and dearer


def test_a_cost_may_be_that_of_a_family(results: Path) -> None:
    write_costs(results, alone=1.0, heatmaps=3.0, stranger=2.0)
    assert list(points(draw('cost', results))) == ['alone, 1 ms: 50.5', 'distilled & more, 3 ms: 60.5']


def test_lines_over_the_share_of_labels(results: Path, tmp_path: Path) -> None:
    for share, value in ((0, 0.45), (25, 0.55)):
        write_result(tmp_path / 'labels', f'fpd_{share}', value)
    lines = {'FPD': {0.0: 'fpd_0', 25.0: 'fpd_25', 100.0: 'main/distilled'}, 'alone': {100.0: 'alone'}}
    drawing = draw('labels', results, tmp_path / 'labels', lines=lines)
    found = points(drawing)
    none, quarter, whole = (found[f'FPD, {text}'] for text in (
        '0 % of the labels: 45.5', '25 % of the labels: 55.5', '100 % of the labels: 60.5'))
    assert whole[0] - none[0] == pytest.approx(4 * (quarter[0] - none[0]), abs=0.5)
    assert none[1] > quarter[1] > whole[1]
    assert {'FPD', 'alone', 'Thunder, its own crop', '0 %', '25 %', '100 %'} <= set(words(drawing))
    assert sum(line.get('class') == 'teacher' for line in drawing.iter(f'{SVG}line')) == 1


def test_bars_of_families(results: Path) -> None:
    drawing = draw('families', results)
    bars = {bar.find(f'{SVG}title').text: float(bar.get('width')) for bar in drawing.iter(f'{SVG}rect')  # type: ignore
            if bar.find(f'{SVG}title') is not None}
    assert list(bars) == ['alone: 50.5', 'distilled & more: 60.5', 'tokens: 40.0']
    assert bars['alone: 50.5'] / bars['tokens: 40.0'] == pytest.approx(50.5 / 40, abs=0.01)  # from 0
    assert len(points(drawing)) == 4  # the seeds of those that have several
    assert [word for word in words(drawing) if word in ('heatmaps', 'tokens', 'Thunder, its own crop 80.0')] == [
        'Thunder, its own crop 80.0', 'heatmaps', 'tokens', 'tokens']


def test_bars_of_models_that_learnt_nothing(tmp_path: Path) -> None:
    (tmp_path / 'zero').mkdir()
    (tmp_path / 'zero' / 'alone_seed0.json').write_text(json.dumps(dict(
        plan='zero', model='alone', seed=0, figures=dict(pck=0.0), draws=dict(pck=[0.0] * 9))))
    assert '0.0' in words(draw('families', tmp_path / 'zero'))


def test_models_without_a_figure_are_left_out(results: Path) -> None:
    with pytest.raises(DistilPoseError, match='no results of models'):
        draw('families', results, figure='mean_oks')


def test_the_order_is_that_of_the_table_or_of_the_command(results: Path) -> None:
    (results / 'table.json').write_text(json.dumps(dict(models=[dict(model=name) for name in ('tokens', 'distilled')])))
    assert [word for word in words(draw('families', results)) if word in ('alone', 'tokens', 'distilled & more')] == [
        'tokens', 'tokens', 'distilled & more', 'alone']
    assert 'alone' not in words(draw('families', results, only=['distilled', 'main/tokens']))


def test_another_figure_is_drawn(results: Path) -> None:
    drawing = ElementTree.tostring(draw('families', results, figure='ap')).decode()
    assert 'alone: 25.2' in drawing and 'AP, percent' in drawing


def test_what_is_missing_is_named(results: Path, tmp_path: Path) -> None:
    other = tmp_path / 'other'
    write_result(other, 'alone', 0.3)
    (tmp_path / 'empty').mkdir()
    write_result(tmp_path / 'teachers', 'own', 0.8, seeds=[None])
    cases: list[tuple[str, list[Path], dict[str, Any], str]] = [
        ('cost', [results], {}, r'^0 of the folders .* have a cost\.json'),
        ('families', [tmp_path / 'empty'], {}, 'empty has no result files'),
        ('families', [results], dict(only=['alnoe']), "no results of a model 'alnoe'; expected one of alone, dis"),
        ('families', [results, other], dict(only=['alone']), 'name it as one of main/alone, other/alone'),
        ('families', [tmp_path / 'teachers'], {}, 'no results of models but those of teachers'),
        ('labels', [results], dict(lines={'FPD': {120.0: 'alone'}}), r'shares \[120\.0\]'),
    ]
    for kind, folders, options, message in cases:
        with pytest.raises(DistilPoseError, match=message):
            draw(kind, *folders, **options)
    write_costs(results, some=1.0)
    with pytest.raises(DistilPoseError, match='has the names some, which are none of the models: alone, distilled'):
        draw('cost', results)


def test_the_command_offers_all_kinds() -> None:
    assert results_options.KINDS == KINDS and set(results_options.METRICS) == set(COMPARED)
