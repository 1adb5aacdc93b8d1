"""The documentation site builds without a warning, and what its pages name is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.engine.tiny import PROJECT

RESULTS = PROJECT / 'docs/benchmarks/results'
PAGES = sorted(path.relative_to(PROJECT) for path in (*(PROJECT / 'docs').rglob('*.md'), *PROJECT.glob('*.md'),
                                                      PROJECT / 'teacher_chkpts/README.md')
               if RESULTS not in path.parents)
FROM_ELSEWHERE = re.compile(r"""<(?:script|link|img)[^>]+(?:src|href)=["'](?:https?:)?//""")


def links(page: Path) -> list[str]:
    """Targets of the links of a page to other files, without anchors."""
    text = re.sub(r'^```.*?^```', '', (PROJECT / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r'\]\(([^)\s]+)\)', re.sub(r'`[^`\n]*`', '', text))
    return [target.partition('#')[0] for target in targets if not re.match(r'https?://|#|mailto:', target)]


def test_links_lead_to_files() -> None:
    assert [(str(page), target) for page in PAGES for target in links(page)
            if not (PROJECT / page.parent / target).exists()] == []


def test_the_first_page_lists_every_page() -> None:
    listed = links(Path('docs/index.md'))
    pages = [str(page.relative_to('docs')) for page in PAGES if page.parts[0] == 'docs']
    assert [page for page in pages if page not in (*listed, 'index.md')] == []


def test_paths_of_pages_in_code_exist() -> None:
    """Error messages, comments and configs name pages as ``docs/NAME.md``."""
    folders = [PROJECT / name for name in ('distilpose', 'distilpose_cli', 'tools', 'configs')]
    files = [path for folder in folders for path in folder.rglob('*')
             if path.suffix in ('.py', '.sh')]
    named = {name for path in files for name in re.findall(r'\bdocs/[\w/]+\.md', path.read_text())}
    assert named and [name for name in sorted(named) if not (PROJECT / name).is_file()] == []


@pytest.mark.slow
@pytest.mark.skipif(not find_spec('sphinx'), reason='sphinx is not installed: pip install -e .[docs]')
def test_the_site_builds(tmp_path: Path) -> None:
    built = subprocess.run([PROJECT / 'tools/build_docs.sh', tmp_path / 'site'], capture_output=True, text=True,
                           env=os.environ | dict(PYTHON=sys.executable), timeout=600, check=False)
    assert built.returncode == 0, built.stderr
    site = tmp_path / 'site'
    pages = [site / page.with_suffix('.html') for page in PAGES]
    assert [page for page in (site / 'index.html', *pages) if not page.is_file()] == []
    assert [page for page in pages if FROM_ELSEWHERE.search(page.read_text())] == []
    assert 'CoordinateTerm' in (site / 'docs/api/distillation.html').read_text()
