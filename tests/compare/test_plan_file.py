"""Plan files: what is read, and what is refused before any config is."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose.compare.plan_file import PlanFile, read_plan_file
from distilpose.errors import DistilPoseError

SEARCH = "search = dict(seed=0, metric='PCK')\n"
ONE = "models = dict(a=dict(config='a.py'))\n"


def read(folder: Path, text: str, *, name: str = "name = 'p'\n") -> PlanFile:
    (folder / 'plan.py').write_text(name + text)
    return read_plan_file(folder / 'plan.py', options={'x.y': 2})


def test_entries_are_read_and_helpers_are_left_out(tmp_path: Path) -> None:
    plan = read(tmp_path, """
_folder = 'c/'
seeds = [3, 4]
options = {'x.y': 1, 'x.z': 1}
fast = 'auto'
search = dict(seed=3, metric='PCK')
models = dict(a_1=dict(config=_folder + 'a.py', options={'x.z': 5}),
              b=dict(title='B', config='b.py', baseline='a_1', options={'load_from': '@a_1'}, seeds=[3],
                     search=[{'u.v': 1}, {'u.v': 2, 'model.student.checkpoint': '@a_1'}]))""")
    a, b = plan.models.values()
    assert (a.title, a.config, a.options, a.seeds) == ('a 1', 'c/a.py', {'x.y': 2, 'x.z': 5}, [3, 4])
    assert (b.title, b.seeds, b.needs, b.baseline) == ('B', [3], {'a_1'}, 'a_1')
    assert len(b.trials) == 2 and plan.search is not None and plan.search.metric == 'PCK' and plan.fast == 'auto'
    assert plan.results.parts[-4:] == ('docs', 'benchmarks', 'results', 'p')


def test_a_seed_that_is_missing_is_that_of_the_only_one(tmp_path: Path) -> None:
    plan = read(tmp_path, "seeds = [0, 1]\nmodels = dict(t=dict(config='t.py', seeds=[7]), a=dict(config='a.py'))")
    t, a = plan.models.values()
    assert (plan.seed_of(t, 1), plan.seed_of(a, 1)) == (7, 1)


@pytest.mark.parametrize(('text', 'expected'), [
    (ONE + 'seed = [0]', r"plan.py has an entry 'seed' that nothing reads \(did you mean 'seeds'\?\)"),
    ("models = dict(a=dict(config='a.py', optoins={}))", r"models.a has an entry 'optoins' .*'options'"),
    ('', 'plan.py has no models; add it'),
    ('models = dict()', 'models is empty; expected KEY=dict'),
    ("models = dict(a=dict(title='A'))", 'models.a has no config; add it'),
    ('models = dict(a=dict(config=3))', 'config is 3; expected a value of type str'),
    ("models = dict(a='a.py')", "models.a is 'a.py'; expected a dictionary"),
    ("models = dict(A=dict(config='a.py'))", 'models.A is the name of a folder; expected small letters'),
    (ONE + 'seeds = [1, 1]', r'the seeds are \[1, 1\]; expected a list of different'),
    (ONE + 'seeds = []', 'the seeds are'),
    (ONE + SEARCH, 'search has no trials, since no model has a search'),
    ("models = dict(a=dict(config='a.py', search=[{'x.y': 1}]))", 'does not say how trials are trained'),
    ("models = dict(a=dict(config='a.py', search=[]))", 'models.a.search has no trials'),
    ("models = dict(a=dict(config='a.py', search=['x.y=1']))\n" + SEARCH, "has a trial 'x.y=1'; expected a dictionary"),
    ("models = dict(a=dict(config='a.py', search=[{}]))\nsearch = dict(seed=0)", 'search has no metric; add it'),
    ("models = dict(a=dict(config='a.py', baseline='aa'))", "baseline names 'aa', which is none of the models"),
    ("models = dict(a=dict(config='a.py', baseline='a', rivals=['a', 'aa']))",
     "rivals names 'aa', which is none of the models"),
    ("models = dict(a=dict(config='a.py', rivals=['a']))", 'models.a has rivals and no baseline'),
    ("models = dict(a=dict(config='a.py', teacher='aa'))", "teacher is 'aa', which is none of the models and teachers"),
    ("models = dict(a=dict(config='a.py', options={'load_from': '@bb'}))", "needs the checkpoint of 'bb'"),
    ("models = dict(a=dict(config='a.py', search=[{'x.y': 1}]))\nsearch = dict(seed=0, metric='PCK', "
     "options={'load_from': '@bb'})", "models.a needs the checkpoint of 'bb'"),
    ("models = dict(a=dict(config='a.py', options={'x.indices': range(9)}))",
     r'models.a has the option x.indices=range\(0, 9\), which a result file cannot hold'),
    (ONE + "teachers = dict(table=dict(file='t.onnx', config='a.py'))", 'would have the result file table.json'),
    (ONE + "teachers = dict(a_seed0=dict(file='t.onnx', config='a.py'))", 'would have the result file a_seed0.json'),
    ("models = dict(t=dict(config='t.py', seeds=[1, 2]), a=dict(config='a.py', options={'load_from': '@t'}))",
     r"a training of seed 0 needs the checkpoint of 't', which has the seeds \[1, 2\]"),
])
def test_what_cannot_be_carried_out_is_a_sentence(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(DistilPoseError, match=expected):
        read(tmp_path, text)


def test_a_plan_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='plan.py has no name; add it'):
        read(tmp_path, ONE, name='')
