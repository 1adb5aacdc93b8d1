"""Which models are compared, and how each of them is trained."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from distilpose.config import find_config
from distilpose.config.options import parse_value
from distilpose.engine.launch import load_and_change
from distilpose.errors import DistilPoseError

TITLES = dict(teacher='teacher', baseline='student alone', distilled='student distilled')
_MEASURE = dict(type='GradientShareHook')


@dataclass(frozen=True)
class Request:
    """What is asked for on the command line."""

    teacher: str
    baseline: str
    distilled: str
    """Configs, as :func:`distilpose.engine.train` takes them."""
    work_dir: Path
    out: Path
    seeds: Sequence[int] = (0,)
    variants: Sequence[Sequence[str]] = ()
    """Words of each: a name, perhaps a config (else the distilled one's), then ``key=value``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Dotted key -> value, put into every config."""
    data_root: str | None = None
    command: str = ''


@dataclass(frozen=True)
class Plan:
    """One of the models: who it is and how it is trained, but for the seed and the teacher's weights."""

    role: str
    """``'teacher'``, ``'baseline'``, ``'distilled'`` or the name of a variant as a folder."""
    title: str
    config: str
    """As named on the command line."""
    options: Mapping[str, Any]
    """What is changed in this config only."""
    cfg: Config
    has_common_teacher: bool
    """Whether it learns from the teacher of this comparison."""

    def config_for(self, teacher: Path | None) -> Config:
        """The config with the weights of the teacher of one seed."""
        cfg = copy.deepcopy(self.cfg)
        if self.has_common_teacher:
            cfg.model.teacher.checkpoint = str(teacher)
        return cfg


def make_plans(request: Request) -> tuple[list[Plan], list[str]]:
    """Reads all configs.

    Returns:
        Teacher, baseline, distilled and the variants in this order, and what the configs' options gave rise to say.

    Raises:
        DistilPoseError: a config or a variant that cannot be compared.
    """
    teacher = _plan(request, 'teacher', request.teacher)
    plans, notes = [teacher[0]], list(teacher[1])
    for role, config in (('baseline', request.baseline), ('distilled', request.distilled)):
        plan, warnings = _plan(request, role, config, teacher=plans[0].cfg)
        plans.append(plan)
        notes += warnings
    _check_distilled(plans[0], plans[2])
    for words in request.variants:
        plan, warnings = _variant(request, words, plans=plans)
        plans.append(plan)
        notes += warnings
    return plans, list(dict.fromkeys(notes))


def _plan(request: Request, role: str, config: str, *, teacher: Config | None = None, title: str | None = None,
          options: Mapping[str, Any] | None = None) -> tuple[Plan, list[str]]:
    cfg, notes = load_and_change(config, options={**request.options, **(options or {})}, data_root=request.data_root)
    is_distiller = cfg.model.get('type') == 'PoseDistiller'
    hooks = [dict(hook) for hook in cfg.get('custom_hooks') or []]
    if is_distiller and all(hook.get('type') != _MEASURE['type'] for hook in hooks):
        cfg.custom_hooks = [*hooks, dict(_MEASURE)]
    has_common = is_distiller and teacher is not None and _is_config_of(cfg.model.teacher.get('config'), teacher)
    return Plan(role, title or TITLES[role], str(config), dict(options or {}), cfg, has_common), notes


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
    if model.get('type') != 'PoseDistiller':
        raise DistilPoseError(f'--distilled {distilled.config} has a model of type {model.get("type")}, which learns '
                              'from nobody; name a config whose model is a PoseDistiller')
    if not distilled.has_common_teacher:
        raise DistilPoseError(f'--distilled {distilled.config} learns from {model.teacher.config}, and --teacher is '
                              f'{teacher.config}; name the same config in both')


def _variant(request: Request, words: Sequence[str], *, plans: Sequence[Plan]) -> tuple[Plan, list[str]]:
    name, named, options = read_words(words, flag='--variant')
    config = named or request.distilled
    if not options and config == request.distilled:
        raise DistilPoseError(f'--variant {name!r} is the distilled student itself; name another config, or what to '
                              'change in its own, such as model.terms.score=None')
    role = role_of(name, taken={plan.role: plan.title for plan in plans}, flag='--variant')
    return _plan(request, role, config, teacher=plans[0].cfg, title=name, options=options)


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
