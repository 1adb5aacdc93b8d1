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
