"""The README: one screen to the first success, short lines, and paths that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / 'README.md').read_text()


def test_it_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) <= 120
    assert [line for line in lines if len(line) > 120] == []


def test_its_links_lead_to_files_and_headings() -> None:
    links = re.findall(r'\]\((?!https?:)([^)]*)\)', README)
    assert len(links) > 20
    for link in links:
        path, _, heading = link.partition('#')
        file = ROOT / (path or 'README.md')
        assert file.exists(), link
        assert not heading or heading in _anchors(file), link


def test_its_commands_name_files_that_exist() -> None:
    configs = re.search(r'CONFIGS=(\S+)', README)[1]
    paths = re.findall(r'\./(tools/\w+\.sh)', README) + [
        f'{configs}/{name}' for name in re.findall(r'\$CONFIGS/(\S+\.py)', README)] + [
        f'configs/{name}' for name in re.findall(r"'distilpose::(\S+\.py)'", README)]
    assert len(paths) > 8
    assert [path for path in paths if not (ROOT / path).exists()] == []


def _anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r'^#+ (.+)$', page.read_text(), flags=re.MULTILINE)
    return {re.sub(r'[^\w -]', '', heading).strip().lower().replace(' ', '-') for heading in headings}
