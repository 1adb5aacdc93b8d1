"""Configuration of the documentation site: sphinx, furo, myst-parser. Build it with ``tools/build_docs.sh``.

The source folder is the root of the project, not ``docs/``. So a link from a page to ``../configs/``, ``../README.md``
or another page is the same on GitHub and in the site, and sphinx checks it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import distilpose  # noqa: E402  (makes mmpose importable, for the reference)

project = 'distilpose'
author = 'The distilpose authors'
project_copyright = author
version = release = distilpose.__version__

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
root_doc = 'docs/index'
source_suffix = {'.md': 'markdown'}
include_patterns = ['docs/**', '*.md', 'teacher_chkpts/README.md']
exclude_patterns = [folder.name for folder in ROOT.iterdir()
                    if folder.is_dir() and folder.name not in ('docs', 'teacher_chkpts')]
exclude_patterns += ['docs/benchmarks/results']  # tables that a plan writes

myst_enable_extensions: list[str] = []
myst_heading_anchors = 3
highlight_language = 'text'

autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_typehints_format = 'short'
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
napoleon_numpy_docstring = False
add_module_names = False
toc_object_entries_show_parents = 'hide'

html_theme = 'furo'
html_title = f'distilpose {version}'
html_short_title = 'distilpose'
html_static_path = ['_static']
html_css_files = ['site.css']
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False


def write_first_page(app: Sphinx, exception: Exception | None) -> None:
    """Writes ``index.html`` of the output folder, which leads to the first page."""
    if exception is None and app.builder.format == 'html':
        target = f'{root_doc}.html'
        (Path(app.outdir) / 'index.html').write_text(
            f'<!doctype html><title>{html_title}</title><meta http-equiv="refresh" content="0; url={target}">'
            f'<a href="{target}">{html_title}</a>\n')


def setup(app: Sphinx) -> None:
    app.connect('build-finished', write_first_page)
    # napoleon decides here about private members, which the reference does not have. It reads them from their classes,
    # and the cached methods of mmcv's transforms raise a TypeError then.
    for listener in list(app.events.listeners['autodoc-skip-member']):
        app.disconnect(listener.id)
