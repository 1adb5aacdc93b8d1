"""HTML pages of one file, rendered from jinja2 templates that escape all text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from .style import STYLE

_TEMPLATES = {
    'page': """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title><style>{{ style|safe }}</style></head>
<body><main>{% block content %}{% for section in sections %}{{ section|safe }}{% endfor %}{% endblock %}
</main></body></html>
""",
    'limb_key': """<div class="key">
{%- for side, text in [('left', 'left limbs'), ('right', 'right limbs'), ('middle', 'across')] -%}
<span><i style="background:var(--{{ side }})"></i>{{ text }}</span>
{%- endfor %}</div>"""}


def environment(templates: Mapping[str, str] | None = None) -> Environment:
    """Templates of pages, which escape text and refuse undefined names.

    Args:
        templates: name -> source of further ones; they extend ``page`` and fill its block ``content``.
    """
    return Environment(loader=DictLoader({**_TEMPLATES, **(templates or {})}), autoescape=True, trim_blocks=True,
                       lstrip_blocks=True, undefined=StrictUndefined)


_ENVIRONMENT = environment()


def whole_page(title: str, sections: Sequence[str], *, style: str = '') -> str:
    """A complete HTML file of sections.

    Args:
        title: plain text.
        sections: HTML.
        style: rules beyond those of every page.
    """
    return _render('page', title=title, sections=sections, style=STYLE + style)


def limb_key() -> str:
    """The legend of a skeleton: which colour is which side."""
    return _render('limb_key')


def _render(name: str, **values: Any) -> Markup:
    return Markup(_ENVIRONMENT.get_template(name).render(**values))
