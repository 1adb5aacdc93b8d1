"""Pages of sections."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from distilpose.report import limb_key, whole_page
from distilpose.report.page import environment


def test_a_page_has_its_sections_and_escapes_its_title() -> None:
    page = whole_page('a <b>', ['<h1>x</h1>', limb_key()], style='.own {}')
    assert '<title>a &lt;b&gt;</title>' in page and '<h1>x</h1>' in page and '.own {}' in page and 'left limbs' in page


def test_templates_escape_text_and_refuse_undefined_names() -> None:
    templates = environment(dict(own='{{ text }}'))
    assert templates.get_template('own').render(text='<i>') == '&lt;i&gt;'
    with pytest.raises(UndefinedError):
        templates.get_template('own').render()
