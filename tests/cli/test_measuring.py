"""Choices of ``flops`` and ``benchmark`` that the parser knows without the package."""

from __future__ import annotations

import inspect
import re

import pytest

from distilpose import benchmark, complexity
from distilpose.benchmark import evaluation, machine
from distilpose_cli.measuring import BENCHMARK, MEASUREMENTS, STYLES


def test_styles_are_those_of_the_package() -> None:
    assert tuple(complexity.STYLES) == STYLES


def test_measurements_are_those_of_the_package() -> None:
    assert list(benchmark.MEASUREMENTS) == list(MEASUREMENTS)


@pytest.mark.parametrize('name', MEASUREMENTS)
def test_the_parser_has_every_argument_that_a_measurement_reads(name: str) -> None:
    args = vars(BENCHMARK.build_parser().parse_args([name, 'config.py']))
    code = inspect.getsource(inspect.getmodule(benchmark.MEASUREMENTS[name]))
    code += inspect.getsource(machine) * ('chosen_machine' in code)
    read = set(re.findall(r'\bargs\.(\w+)', code))
    assert read and read <= set(args)


def test_the_help_of_eval_names_the_number_of_people(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        BENCHMARK.main(['eval', '--help'])
    assert f'(default without: {evaluation._PEOPLE})' in ' '.join(capsys.readouterr().out.split())
