"""Plans of a comparison: the trainings, their configs, and the checkpoints that one needs of another."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from mmengine.config import Config

from distilpose.config import find_config
from distilpose.config.options import parse_value
from distilpose.config.walk import is_distillation, type_name
from distilpose.engine.default_hooks import is_hook
from distilpose.engine.launch import load_and_change
from distilpose.errors import DistilPoseError

TITLES = dict(teacher='teacher', baseline='student alone', distilled='student distilled')
TEACHER = 'model.teacher.checkpoint'
"""Key of a distiller's config that names the weights of its teacher."""
_GRADIENT_SHARES = dict(type='GradientShareHook')
_TAKE_CHECKPOINTS = ('checkpoint', 'load_from')
REFERENCE = '@'
"""Before the name of an earlier training, in the place of its last checkpoint."""


@dataclass(frozen=True)
class Request:
    """Options of a comparison."""

    work_dir: Path
    out: Path | None = None
    """Folder of what is written, else the work directory."""
    teacher: str = ''
    baseline: str = ''
    distilled: str = ''
    """Configs, as :func:`distilpose.engine.train` takes them."""
    variants: Sequence[Sequence[str]] = ()
    """Words of each: a name, perhaps a config (else the distilled one's), then ``key=value``."""
    models: Sequence[Sequence[str]] = ()
    """Instead of the four above, words of any models: a name, a config, then ``key=value``; the first is the
    baseline."""
    seeds: Sequence[int] = (0,)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Dotted key -> value, put into every config."""
    data_root: str | None = None
    exports: Sequence[str] = ()
    """Names of models to export to ONNX at the end."""
    command: str = ''
    name: str = ''
    """Of the files that are written: ``<name>.json``, ``<name>.md``, ``<name>.html``; by default ``compare``, or
    ``models`` of any models."""
    seed_folders: bool = True
    """Whether trainings lie in ``seed_<seed>/<role>``, else in ``<role>``."""
    validate: bool = True
    """Whether models are evaluated during their trainings, too."""
    fast: str | None = None
    """Of :func:`~distilpose.engine.fast_training.use_fast_training`; ``None`` leaves it to the configs."""
    pairs: bool = False
    """Whether two trainings of which neither needs the other run at a time, the second in a process of its own, where
    there are two processor cores."""

    @property
    def destination(self) -> Path:
        """The folder of what is written."""
        return self.out or self.work_dir

    def file(self, suffix: str) -> Path:
        """A file that is written, such as that with the suffix ``.html``."""
        return self.destination / f'{self.name or ("models" if self.models else "compare")}{suffix}'

    def folder(self, seed: int, role: str) -> Path:
        """The work directory of one training."""
        return self.work_dir / f'seed_{seed}' / role if self.seed_folders else self.work_dir / role


@dataclass(frozen=True)
class Plan:
    """One training: its config, and the checkpoints of other trainings that it needs."""

    role: str
    """``'teacher'``, ``'baseline'``, ``'distilled'`` or the name of another model as a folder."""
    title: str
    config: str
    """As named on the command line."""
    options: Mapping[str, Any]
    """What is changed in this config only."""
    cfg: Config
    needs: Mapping[str, str] = field(default_factory=dict)
    """Dotted key of the config -> role of the training whose last checkpoint is put there."""

    def config_for(self, checkpoints: Mapping[str, Path]) -> Config:
        """The config with the checkpoints of one seed.

        Args:
            checkpoints: role -> file.
        """
        cfg = copy.deepcopy(self.cfg)
        cfg.merge_from_dict({key: str(checkpoints[role]) for key, role in self.needs.items()})
        return cfg


def make_plans(request: Request) -> tuple[list[Plan], list[str]]:
    """Reads all configs.

    Returns:
        Teacher, baseline, distilled and the variants in this order, or the models as they are named, and the warnings
        of their configs.

    Raises:
        DistilPoseError: a config or a model that cannot be compared, or checkpoints that need each other.
    """
    plans, notes = (_models if request.models else _students)(request)
    plans = [replace(plan, needs={key: _role_named(name, plans, plan=plan) for key, name in plan.needs.items()})
             for plan in plans]
    in_order(plans)
    return plans, list(dict.fromkeys(notes))


def in_order(plans: Sequence[Plan]) -> list[Plan]:
    """The plans, each after those whose checkpoints it needs.

    Raises:
        DistilPoseError: trainings need each other.
    """
    by_role = {plan.role: plan for plan in plans}
    try:
        order = TopologicalSorter({plan.role: dict.fromkeys(plan.needs.values()) for plan in plans}).static_order()
        return [by_role[role] for role in order]
    except CycleError as error:
        names = ' -> '.join(repr(by_role[role].title) for role in reversed(error.args[1]))
        raise DistilPoseError(f'the trainings {names} need each other; let the first one start from a file') from error


def stages(plans: Sequence[Plan]) -> set[str]:
    """Roles of trainings that others need or that start from others, whose budgets may differ from the baseline's."""
    needed = {role for plan in plans for role in plan.needs.values()}
    starting = {plan.role for plan in plans if any(key != TEACHER for key in plan.needs)}
    return (needed | starting | {'teacher'}) - {'baseline'}


def _students(request: Request) -> tuple[list[Plan], list[str]]:
    """Teacher, baseline, distilled and variants."""
    teacher, notes = make_plan(request, 'teacher', request.teacher)
    plans = [teacher]
    for role, config in (('baseline', request.baseline), ('distilled', request.distilled)):
        plan, warnings = make_plan(request, role, config, teacher=teacher.cfg)
        plans.append(plan)
        notes += warnings
    _check_distilled(plans[0], plans[2])
    for words in request.variants:
        plan, warnings = _variant(request, words, plans=plans)
        plans.append(plan)
        notes += warnings
    return plans, notes


def _models(request: Request) -> tuple[list[Plan], list[str]]:
    """Any models, the first as the baseline."""
    plans: list[Plan] = []
    notes: list[str] = []
    for words in request.models:
        name, config, options = read_words(words, flag='--model')
        if config is None:
            raise DistilPoseError(f'--model {name!r} has no config; expected --model NAME CFG [KEY=VALUE ...]')
        role = role_of(name, taken={plan.role: plan.title for plan in plans}, flag='--model') if plans else 'baseline'
        plan, warnings = make_plan(request, role, config, title=name, options=options)
        plans.append(plan)
        notes += warnings
    return plans, notes


def make_plan(request: Request, role: str, config: str, *, teacher: Config | None = None, title: str | None = None,
              options: Mapping[str, Any] | None = None) -> tuple[Plan, list[str]]:
    """Reads one config.

    Args:
        request: with what is changed in every config.
        role: of the training.
        config: as named on the command line.
        teacher: config of the training with the role ``'teacher'``, which distillers from it need.
        title: of the model; by default that of the role.
        options: dotted key -> value, put into this config; ``@NAME`` is the last checkpoint of another training.

    Returns:
        The plan, which needs trainings as its options name them, and the warnings of its config.

    Raises:
        DistilPoseError: the config cannot be read or changed so.
    """
    options = dict(options or {})
    needs = {key: value.removeprefix(REFERENCE) for key, value in options.items()
             if isinstance(value, str) and value.startswith(REFERENCE)}
    for key, name in needs.items():
        if key.rpartition('.')[2] not in _TAKE_CHECKPOINTS:
            raise DistilPoseError(f'{key}={REFERENCE}{name} of {title or TITLES[role]!r} puts a checkpoint where none '
                                  f'is read; expected {TEACHER}, model.student.checkpoint or load_from')
    changes = {**options, **dict.fromkeys(needs)}  # the checkpoints are not there yet
    cfg, notes = load_and_change(config, options={**request.options, **changes}, data_root=request.data_root,
                                 fast=request.fast)
    is_distiller = is_distillation(cfg.model)
    hooks = [dict(hook) for hook in cfg.get('custom_hooks') or []]
    if is_distiller and not any(is_hook(hook, _GRADIENT_SHARES['type']) for hook in hooks):
        cfg.custom_hooks = [*hooks, dict(_GRADIENT_SHARES)]
    named = cfg.model.get('teacher') if is_distiller else None
    if named is not None and teacher is not None and _is_config_of(named.get('config'), teacher):
        needs.setdefault(TEACHER, 'teacher')
    return Plan(role, title or TITLES[role], str(config), options, cfg, needs), notes


def _role_named(name: str, plans: Sequence[Plan], *, plan: Plan) -> str:
    """The role of the training that an option names, by its title or its folder."""
    found = next((other.role for other in plans if name in (other.title, other.role)), None)
    if found is None:
        names = ', '.join(repr(other.title) for other in plans)
        raise DistilPoseError(f'{plan.title!r} needs the checkpoint of {name!r}, which is none of the trainings; '
                              f'expected one of {names}')
    return found


def _is_config_of(named: Any, teacher: Config) -> bool:
    """Whether a distiller's ``teacher.config`` is this config; one that is written out is taken to be."""
    if not isinstance(named, str):
        return True
    file = str(teacher.filename or '')
    if named.startswith('mmpose::'):
        return file.endswith(named.removeprefix('mmpose::'))
    return Path(find_config(named)).resolve() == Path(file).resolve()


def _check_distilled(teacher: Plan, distilled: Plan) -> None:
    model = distilled.cfg.model
    if not is_distillation(model):
        raise DistilPoseError(f'--distilled {distilled.config} has a model of type {model.get("type")}, which learns '
                              'from no teacher; name a config whose model is a PoseDistiller')
    if model.get('teachers'):
        raise DistilPoseError(f'--distilled {distilled.config} learns from several teachers (model.teachers), and '
                              '--teacher is one; name trainings with --model instead')
    named = model.get('teacher') or {}
    if named.get('type'):
        raise DistilPoseError(f'--distilled {distilled.config} learns from a {type_name(named["type"])}, and --teacher '
                              f'trains {teacher.config}; name trainings with --model instead')
    if TEACHER not in distilled.needs:
        raise DistilPoseError(f'--distilled {distilled.config} learns from {named.get("config")}, and --teacher is '
                              f'{teacher.config}; name the same config in both')


def _variant(request: Request, words: Sequence[str], *, plans: Sequence[Plan]) -> tuple[Plan, list[str]]:
    name, named, options = read_words(words, flag='--variant')
    config = named or request.distilled
    if not options and config == request.distilled:
        raise DistilPoseError(f'--variant {name!r} is the distilled student itself; name another config, or what to '
                              'change in its own, such as model.terms.score=None')
    role = role_of(name, taken={plan.role: plan.title for plan in plans}, flag='--variant')
    return make_plan(request, role, config, teacher=plans[0].cfg, title=name, options=options)


def read_words(words: Sequence[str], *, flag: str) -> tuple[str, str | None, dict[str, Any]]:
    """Name, config and options of a model as they are given on the command line: ``NAME [CFG] KEY=VALUE ...``.

    Raises:
        DistilPoseError: a word that is none of them.
    """
    name, rest = words[0], list(words[1:])
    config = rest.pop(0) if rest and '=' not in rest[0] else None
    options = {}
    for word in rest:
        key, equals, value = word.partition('=')
        if not (key and equals):
            raise DistilPoseError(f'{flag} {name!r} takes a config first and KEY=VALUE after it; found {word!r}')
        options[key] = parse_value(value)
    return name, config, options


def role_of(name: str, *, taken: Mapping[str, str], flag: str) -> str:
    """The name as that of a folder.

    Args:
        name: of a model.
        taken: folders of other models -> their names.
        flag: of the command line, for the message.

    Raises:
        DistilPoseError: it is no name, or another model's.
    """
    role = re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_')
    if not role or role in taken:
        raise DistilPoseError(f'{flag} {name!r} would be kept in the folder {role!r}, '
                              + (f'which is that of {taken[role]!r}; ' if role else 'which is no name; ')
                              + 'choose another name with letters or digits')
    return role
