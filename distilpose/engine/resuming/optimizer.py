"""The optimizer of a run that is resumed: options and schedule of this run, moments of the checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from mmengine.runner import Runner

_PROGRESS = ('base_values', 'last_step', '_global_step', '_last_value', 'verbose')
"""What of a scheduler's state is no option."""


class Position(NamedTuple):
    """How far a training has come."""

    epochs: int
    """That are complete."""
    iterations: int
    length: int
    """Iterations of an epoch in this run; 0 where the loop counts no epochs."""
    is_recounted: bool = False
    """Whether an epoch had another length in the run that wrote the checkpoint."""


def has_other_groups(runner: Runner, saved: dict[str, Any]) -> bool:
    """Whether an optimizer's saved state is for other groups of parameters than this run's.

    Args:
        runner: whose optimizer is built.
        saved: the checkpoint's ``optimizer``.
    """
    sizes = [len(group['params']) for group in runner.optim_wrapper.optimizer.param_groups]
    return sizes != [len(group['params']) for group in saved['param_groups']]


def use_own_options(runner: Runner, checkpoint: dict[str, Any], position: Position, *,
                    may_differ: bool = True) -> list[str]:
    """Puts the options of this run's optimizer and schedule into a checkpoint, before mmengine loads it.

    mmengine resumes with the options of the checkpoint, whatever is in the config. Here those of this run count, and
    scheduled values (such as ``lr``) become what a run with this config would have at this position: its schedule is
    repeated step by step up to there. Where nothing changed, the checkpoint is left as it is.

    Args:
        runner: with its optimizer and schedulers built, before their first iteration.
        checkpoint: of a training. Without ``optimizer``, the optimizer of the runner gets the scheduled values.
        position: that the run continues from.
        may_differ: whether options that are not scheduled may have been changed. ``False`` keeps those of the
            checkpoint, which hooks may have changed during the training.

    Returns:
        What was changed, one sentence each.
    """
    own, schedulers = runner.optim_wrapper.param_groups, _list(runner.param_schedulers)
    saved = _groups(checkpoint['optimizer']) if 'optimizer' in checkpoint else own
    names = {scheduler.param_name for scheduler in schedulers}
    firsts = {f'initial_{name}' for name in names}
    plain = [key for key in own[0] if key not in names and key != 'params' and (may_differ or key in firsts)]
    changes = [text for key in plain if (text := _difference(key, saved, own))]
    is_scheduled_otherwise = (
        position.is_recounted or saved is own or any(_difference(name, saved, own) for name in firsts)
        or _options(scheduler.state_dict() for scheduler in schedulers) != _options(_states(checkpoint)))
    before = {name: [group.get(name) for group in saved] for name in names}
    if is_scheduled_otherwise and schedulers:
        if any(getattr(scheduler, 'need_val_args', False) for scheduler in schedulers):
            _scale(schedulers, saved, own, _states(checkpoint))
        else:
            repeat_schedule(schedulers, own, position)
        checkpoint['param_schedulers'] = [scheduler.state_dict() for scheduler in schedulers]
    for group, mine in zip(saved, own, strict=False):
        group.update({key: mine[key] for key in (*plain, *(names if is_scheduled_otherwise else ())) if key in mine})
    changes += [f'{name} {_span(before[name])} -> {_span(now)}, by the schedule of this run at iteration '
             f'{position.iterations}'
             for name in sorted(names) if (now := [group[name] for group in saved]) != before[name]]
    return changes


def repeat_schedule(schedulers: Sequence[Any], groups: Sequence[dict[str, Any]], position: Position) -> None:
    """Steps schedulers from the beginning of a training to a position, as mmengine's ``ParamSchedulerHook`` does.

    Groups with the same options are stepped once.

    Args:
        schedulers: as they are built.
        groups: of the optimizer, to which the values are written.
        position: the last step that is taken.
    """
    kinds: dict[str, int] = {}
    kind_of = [kinds.setdefault(repr({key: value for key, value in group.items() if key != 'params'}), len(kinds))
               for group in groups]
    firsts = [kind_of.index(kind) for kind in range(len(kinds))]
    few = [{key: value for key, value in groups[index].items() if key != 'params'} for index in firsts]
    optimizers = [scheduler.optimizer for scheduler in schedulers]
    for scheduler in schedulers:
        scheduler.optimizer = SimpleNamespace(param_groups=few, step=scheduler.optimizer.step, _global_step=0)
        scheduler.base_values = [scheduler.base_values[index] for index in firsts]
    _step(schedulers, position)
    for scheduler, optimizer in zip(schedulers, optimizers, strict=True):
        scheduler.optimizer = optimizer
        scheduler.base_values = [scheduler.base_values[kind] for kind in kind_of]
        scheduler._last_value = [scheduler._last_value[kind] for kind in kind_of]
    for group, kind in zip(groups, kind_of, strict=True):
        group.update({scheduler.param_name: few[kind][scheduler.param_name] for scheduler in schedulers})


def _step(schedulers: Sequence[Any], position: Position) -> None:
    by_iteration = [scheduler for scheduler in schedulers if not scheduler.by_epoch]
    by_epoch = [scheduler for scheduler in schedulers if scheduler.by_epoch]
    epochs = 0
    for iteration in range(1, position.iterations + 1):
        for scheduler in by_iteration:
            scheduler.step()
        if epochs < position.epochs and position.length and iteration % position.length == 0:
            epochs += 1
            for scheduler in by_epoch:
                scheduler.step()


def _scale(schedulers: Sequence[Any], saved: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]],
           states: Sequence[dict[str, Any]]) -> None:
    """For schedules that depend on metrics of validations, which cannot be repeated: they continue where they were.

    Values keep their ratio to the first ones.
    """
    for scheduler, state in zip(schedulers, states, strict=False):
        scheduler.load_state_dict({key: value for key, value in state.items() if key != 'base_values'})
    for scheduler in schedulers:
        name, first = scheduler.param_name, f'initial_{scheduler.param_name}'
        for group, mine in zip(saved, own, strict=True):
            if name in group and group.get(first):
                mine[name] = group[name] * mine[first] / group[first]
        scheduler._last_value = [group[name] for group in own]


def _groups(optimizer: dict[str, Any]) -> list[dict[str, Any]]:
    """All groups that schedulers see."""
    base = optimizer.get('base_param_settings')
    return [*optimizer['param_groups'], *([] if base is None else [base])]


def _states(checkpoint: dict[str, Any]) -> list[dict[str, Any]]:
    return list(checkpoint.get('param_schedulers') or [])


def _options(states: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in state.items() if key not in _PROGRESS} for state in states]


def _list(schedulers: Any) -> list[Any]:
    return list(schedulers or [])


def _difference(key: str, saved: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> str | None:
    if not all(key in group for groups in (saved, own) for group in groups[:1]):
        return None  # an option that another version of torch has
    before, now = ([_plain(group.get(key)) for group in groups] for groups in (saved, own))
    return f'{key} {_span(before)} -> {_span(now)}' if before != now else None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


def _span(values: Sequence[Any]) -> str:
    """``0.1``, or ``0.01 ... 0.1`` for groups with several values."""
    found = sorted({repr(value) for value in values})
    try:
        found = sorted(found, key=float)
    except ValueError:
        found = sorted(found)
    return found[0] if len(found) == 1 else f'{found[0]} ... {found[-1]}'
