"""docs/recipes.md is what docs/make_recipes.py writes, and its published figures stand on the pages that it names."""

from __future__ import annotations

import re
from types import ModuleType

import pytest

from tests.engine.tiny import PROJECT
from tests.scripts import load_script

PAGE = (PROJECT / 'docs/recipes.md').read_text()
BODY = 'configs/body/2d_kpt_sview_rgb_img'
SMALL = (f'{BODY}/distilpose/lspet/DistilPose_XS_lspet_96x64.py', f'{BODY}/fpd/lspet/hourglass_1x32_lspet_64x64.py',
         'configs/own_data/resnet18_128x128.py')


@pytest.fixture(scope='module')
def recipes() -> ModuleType:
    return load_script(PROJECT / 'docs/make_recipes.py')


def test_every_recipe_has_a_row(recipes: ModuleType) -> None:
    named = re.findall(r'^\| \[\S+\]\(\.\./(configs/\S+\.py)\)', PAGE, re.MULTILINE)
    assert sorted(named) == [str(path.relative_to(PROJECT)) for path in recipes.recipes()]


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize('name', SMALL)
def test_rows_are_up_to_date(name: str, recipes: ModuleType) -> None:
    assert recipes.row(PROJECT / name) in PAGE.splitlines()


def test_published_figures_stand_on_their_pages(recipes: ModuleType) -> None:
    names = [str(path.with_suffix('')) for path in recipes.recipes()]
    for end, (figure, page) in recipes.PUBLISHED.items():
        text = (PROJECT / 'docs' / page).read_text()
        assert re.search(rf'(?<![\d.]){re.escape(figure.split()[0])}(?![\d.]*\d)', text), figure
        assert len([name for name in names if name.endswith(f'/{end}')]) == 1, end
    for word, where in recipes.CHECKED:
        assert any(re.search(where, name) for name in names), word


@pytest.mark.slow
@pytest.mark.usefixtures('quick_traces')
def test_the_page_is_up_to_date(recipes: ModuleType) -> None:
    assert ''.join(recipes.page()) == PAGE
