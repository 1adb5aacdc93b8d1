"""Every command of a page is one whose options exist; whether it works is tested where its page is."""

from __future__ import annotations

import re
import shlex

import pytest

from distilpose_cli.command import Command
from distilpose_cli.console import COMMANDS
from tests.engine.tiny import PROJECT
from tests.scripts import load_script

PAGES = [*sorted((PROJECT / 'docs').rglob('*.md')), PROJECT / 'README.md', PROJECT / 'CONTRIBUTING.md']
COMMAND = re.compile(r'\s*(?:[A-Z_]+=\S+ )*(?:distilpose (?P<name>\w+)|(?:python |\./)tools/(?P<script>\w+)\.py)\b'
                     r'(?P<words>.*)')


def commands() -> list[tuple[str, re.Match[str]]]:
    """Name of the page and the command, for every line of a block of bash that calls one."""
    found = []
    for page in PAGES:
        for block in re.findall(r'^```bash\n(.*?)^```$', page.read_text(), re.DOTALL | re.MULTILINE):
            lines = block.replace('\\\n', ' ').replace('$seed', '0').replace('"${@:4}"', '').splitlines()
            found += [(page.name, match) for line in lines if (match := COMMAND.match(line))]
    return found


def command_of_script(name: str) -> Command:
    """The command that a script of tools/ runs."""
    script = load_script(PROJECT / 'tools' / f'{name}.py')
    return next(value for value in vars(script).values() if isinstance(value, Command))


def test_the_options_of_all_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = []
    for page, match in commands():
        command = COMMANDS[match['name']] if match['name'] else command_of_script(match['script'])
        parser = command.build_parser('distilpose')
        words = shlex.split(re.sub(r'[][]', '', match['words']), comments=True)
        try:
            (parser.parse_intermixed_args if command.intermixed else parser.parse_args)(words)
        except SystemExit as stop:
            if stop.code:
                wrong.append((page, match[0].strip(), capsys.readouterr().err[-200:]))
    assert wrong == [] and len(commands()) > 100
