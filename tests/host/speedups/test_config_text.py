"""A config's text is laid out once for all of its copies, and reads as the same config."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from mmengine.config import Config, config

from distilpose.config import load_config
from distilpose.config.paths import PROJECT_ROOT
from distilpose.host.speedups import config_text


def test_copies_of_a_config_are_laid_out_once_and_read_the_same(tmp_path: Path) -> None:
    config_text._format.cache_clear()
    cfg = Config(dict(model=dict(type='Net', sizes=(1, 2), names=['a' * 70, 'b' * 70])))
    texts = {cfg.pretty_text, cfg.pretty_text}
    cfg.dump(tmp_path / 'copy.py')
    assert config_text._format.cache_info().misses == 1 and len(texts) == 1
    assert (tmp_path / 'copy.py').read_text() == texts.pop()
    assert Config.fromfile(tmp_path / 'copy.py').to_dict() == cfg.to_dict()
    cfg.model.type = 'Other'
    assert "'Other'" in cfg.pretty_text and config_text._format.cache_info().misses == 2


@pytest.mark.parametrize('name', ['quickstart/distilled.py',
                                  'body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_coco_256x192.py'])
def test_a_recipe_reads_the_same_from_short_lines(name: str, tmp_path: Path) -> None:
    cfg = load_config(f'distilpose::{name}')
    cfg.dump(tmp_path / 'copy.py')
    text = (tmp_path / 'copy.py').read_text().replace(str(PROJECT_ROOT), '')  # which may be long
    assert Config.fromfile(tmp_path / 'copy.py').to_dict() == cfg.to_dict()
    assert text.count('\n') > 100 and max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize('text', [
    f'a = b = {{1: [{"1, " * 60}], **{{"x": 2}}, None: ()}}', f'value = function({"x, " * 50}key={{"a", "b"}}, **more)',
    f'one = ("{"a" * 130}",)', 'empty = [[], (), {}, dict()]', 'number = -1e-05'])
def test_values_stay(text: str) -> None:
    found, _ = config_text.format_code(text)
    assert ast.dump(ast.parse(found)) == ast.dump(ast.parse(text))
    assert config_text.format_code(found) == (found, False)


def test_it_is_what_mmengine_calls() -> None:
    assert config.FormatCode is config_text.format_code
