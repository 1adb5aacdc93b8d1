"""Makes the tables of plans from committed results, and fills those of the pages: ``python docs/make_tables.py``.

First ``docs/benchmarks/results/PLAN/table.md`` and ``table.json`` of all plans, then the pages from these. A comment
before a table of a page says what it holds: ``<!-- figures of PLAN: KEY KEY='another title' -->``, ``gains of PLAN``
(over the baselines) or ``validation of PLAN`` (AP by epoch of the first seed). Keys are models and teachers of
``configs/plans/PLAN.py``; those without a result are left out.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distilpose.compare.plan_file import read_plan_file
from distilpose.compare.plan_table import figures_table, gains_table, write_table
from distilpose.compare.plan_tasks import Tasks
from distilpose.config import PROJECT_ROOT
from distilpose.report import Table
from distilpose.report.metrics import in_percent

PAGES = PROJECT_ROOT / 'docs' / 'benchmarks'
RESULTS = PAGES / 'results'
PLANS = PROJECT_ROOT / 'configs' / 'plans'
_MARKED = re.compile(r'<!-- (figures|gains|validation) of (\w+):(.*?) -->\n\n(?:\|[^\n]*\n)+', re.DOTALL)


def pages() -> Iterator[Path]:
    """Pages that have tables of plans."""
    yield from (page for page in sorted(PAGES.glob('*.md')) if _MARKED.search(page.read_text()))


def filled(text: str) -> str:
    """The text of a page with its tables as the results are."""
    return _MARKED.sub(_with_table, text)


def _with_table(found: re.Match[str]) -> str:
    kind, plan, keys = found.groups()
    models = {model['model']: model for model in json.loads((RESULTS / plan / 'table.json').read_text())['models']}
    titles = {key: model['title'] for key, model in models.items()}
    named = {key: title for key, _, title in (word.partition('=') for word in shlex.split(keys))}
    titles |= {key: title for key, title in named.items() if title}
    table = TABLES[kind]([models[key] for key in named if key in models], titles, plan)
    return f'{found[0].partition("-->")[0]}-->\n\n{table.markdown()}\n'


def _figures(models: Sequence[Mapping[str, Any]], titles: Mapping[str, str], _: str) -> Table:
    return figures_table([dict(model, title=titles[model['model']]) for model in models]).without('family', 'seconds')


def _gains(models: Sequence[Mapping[str, Any]], titles: Mapping[str, str], _: str) -> Table:
    return gains_table(models, titles).without('gap closed, AP', 'gap closed, OKS')


def _validation(models: Sequence[Mapping[str, Any]], titles: Mapping[str, str], plan: str) -> Table:
    files = {model['model']: f'{model["model"]}_seed{model["seeds"][0]}.json' for model in models}
    runs = {key: json.loads((RESULTS / plan / file).read_text())['held_out'] for key, file in files.items()}
    return Table(['epoch', *(str(epoch) for epoch, _ in next(iter(runs.values())))],
                 [[titles[key], *(in_percent(value) for _, value in run)] for key, run in runs.items()])


TABLES = dict(figures=_figures, gains=_gains, validation=_validation)


def write_tables() -> None:
    """Summarises the results of all plans."""
    for plan in sorted(PLANS.glob('*.py')):
        tasks = Tasks(read_plan_file(plan), work_dir=Path('work_dirs/plans', plan.stem))
        write_table(tasks, command=f'distilpose compare --plan configs/plans/{plan.name}')


if __name__ == '__main__':
    write_tables()
    for file in pages():
        file.write_text(filled(file.read_text()))
