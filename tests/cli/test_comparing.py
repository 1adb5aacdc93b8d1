"""What ``distilpose compare`` refuses before anything is imported or trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose_cli.comparing import COMPARE


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in 'tbd':
        (tmp_path / f'{name}.py').touch()
    return tmp_path


@pytest.mark.parametrize(('words', 'expected'), [
    ('--teacher t.py --distilled d.py', 'the configs of --baseline are missing'),
    ('', 'the configs of --teacher, --baseline, --distilled are missing'),
    ('--teacher no.py --baseline b.py --distilled d.py', 'no config no.py'),
    ('--teacher t.py --baseline b.py --distilled d.py --variant x no.py', 'no config no.py'),
    ('--model A t.py --model B no.py', 'no config no.py'),
    ('--model A t.py --teacher t.py --out o', '--teacher, --out does not go together with it'),
    ('--plan no.py', 'no config no.py'),
    ('--plan t.py --model A t.py --seeds 1', '--model, --seeds does not go together with it'),
    ('--plan t.py --jobs 0', '--jobs is 0; expected how many trainings run at a time'),
    ('--model A t.py --jobs 2 --estimate', '--jobs, --estimate is about a plan of many trainings'),
    ('--cost a t.py', '--cost needs --out, the folder for cost.json'),
    ('--cost a no.onnx --out o', '--cost no.onnx is no file'),
    ('--cost a t.py --out o --plan t.py', '--cost does not go together with --plan'),
    ('--cost a t.py --out o --figure cost .', '--cost does not go together with --figure'),
    ('--figure cost .', '--figure needs --out, the SVG file'),
    ('--figure cost . --out o', '--out is o; expected a file that ends in .svg'),
    ('--figure bars . --out o.svg', '--figure bars is none of cost, labels, families'),
    ('--figure cost --out o.svg', '--figure cost names no folder of result files'),
    ('--figure cost no --out o.svg', 'no: there is no such folder'),
    ('--figure cost . --out o.svg --model A t.py', '--figure does not go together with --model'),
    ('--figure cost . --out o.svg --line a 1=b', '--line is about --figure labels, and the figure is cost'),
    ('--figure labels . --out o.svg', '--figure labels needs --line NAME PERCENT=MODEL'),
    ('--figure labels . --out o.svg --line a', "--line 'a' has no points"),
    ('--figure labels . --out o.svg --line a b=c', "--line 'a' has 'b=c'; expected PERCENT=MODEL"),
    ('--figure labels . --out o.svg --line a 25', "--line 'a' has '25'; expected PERCENT=MODEL"),
    ('--metric ap', '--metric is about a figure, and there is none'),
])
def test_wrong_input_is_a_sentence(here: Path, words: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert COMPARE.main(words.split(), program='distilpose compare') == 2
    said = capsys.readouterr().err
    assert said.startswith('distilpose compare: ') and expected in said
    assert sorted(file.name for file in here.iterdir()) == ['b.py', 'd.py', 't.py']


def test_a_variant_without_a_config_has_values_only(here: Path) -> None:
    args = COMPARE.build_parser().parse_args(
        '--teacher t.py --baseline b.py --distilled d.py --variant x model.terms=None'.split())
    COMPARE.check(args)
    assert args.variant == [['x', 'model.terms=None']]
