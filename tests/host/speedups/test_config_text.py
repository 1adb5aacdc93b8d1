"""A config's text is laid out once for all of its copies."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config, config

from distilpose.host.speedups import config_text


@pytest.fixture
def laid_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that yapf is given."""
    texts: list[str] = []

    def formatting(text: str, **options: object) -> tuple[str, bool]:
        texts.append(text)
        return original(text, **options)

    original = config_text.formatting
    monkeypatch.setattr(config_text, 'formatting', formatting)
    config_text._format.cache_clear()
    return texts


def test_copies_of_a_config_are_laid_out_once_and_read_the_same(laid_out: list[str], tmp_path: Path) -> None:
    cfg = Config(dict(model=dict(type='Net', sizes=(1, 2), names=['a' * 70, 'b' * 70])))
    texts = {cfg.pretty_text, cfg.pretty_text}
    cfg.dump(tmp_path / 'copy.py')
    assert len(laid_out) == 1 and len(texts) == 1
    assert (tmp_path / 'copy.py').read_text() == texts.pop()
    assert Config.fromfile(tmp_path / 'copy.py').to_dict() == cfg.to_dict()
    cfg.model.type = 'Other'
    assert "'Other'" in cfg.pretty_text and len(laid_out) == 2


def test_it_is_what_mmengine_calls() -> None:
    assert config.FormatCode is config_text.format_code
