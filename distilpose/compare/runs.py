"""Queue of trainings: trains what is not trained yet, resumes what was interrupted, reads what is finished."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from distilpose.checkpoints import check_training_state, load_file
from distilpose.config.differences import differences, read_literals
from distilpose.config.fast_data import with_plain_types
from distilpose.config.named_teachers import named_teachers
from distilpose.distillation.crop_pipelines import add_teacher_crops
from distilpose.engine import train
from distilpose.engine.resuming.checkpoint_search import newest_whole_checkpoint
from distilpose.errors import DistilPoseError
from distilpose.processor import usable_cores
from distilpose.progress import ProgressDisplay, shown_by

from .own_process import OwnProcess
from .plans import TEACHER, Plan, Request, in_order, stages
from .shared_progress import DisplayPart, SharedDisplay

_DECIDE_THE_WEIGHTS = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'load_from')
_FILES = ('checkpoint', 'ann_file', 'load_from')  # compared by their names, since folders move
Ended = Callable[[float], None]
Around = Callable[[Plan, Config, Path], AbstractContextManager[Ended]]
"""Makes a context that is open during a training and perhaps longer, and takes when the training ended, of
:func:`time.monotonic`."""
MAY_DIFFER = frozenset({  # where the data lies, and what changes the speed only
    'data_root', 'data_prefix', 'num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor', 'val_interval',
    'val_begin'})


@dataclass(frozen=True)
class Run:
    """A finished training."""

    plan: Plan
    cfg: Config
    seed: int
    folder: Path
    checkpoint: Path
    iterations: int
    stored: Mapping[str, Any]
    """The config that it was trained with."""


def train_or_read(plans: Sequence[Plan], seed: int, *, request: Request, log: Callable[[Plan, int, str], None],
                  around: Around | None = None) -> tuple[list[Run], list[str]]:
    """Brings all trainings of one seed to their end, each after those whose checkpoints it needs.

    Args:
        plans: of all models.
        seed: of all of them.
        request: with the folders of the trainings.
        log: called with plan, seed and state after every training.
        around: makes a context that is open during one training.

    Returns:
        The runs in the order of the plans, and notes about them for the reader.

    Raises:
        DistilPoseError: a folder holds a training of another config or seed, or the students' lengths differ.
    """
    runs: dict[str, Run] = {}
    notes: list[str] = []
    for group in _groups(in_order(plans), size=2 if request.pairs and usable_cores() > 1 else 1):
        checkpoints = {role: run.checkpoint for role, run in runs.items()}
        jobs = [Job(plan, plan.config_for(checkpoints), request.folder(seed, plan.role), seed, request.validate)
                for plan in group]
        for plan, (run, state) in zip(group, _bring(jobs, around or _nothing_around), strict=True):
            log(plan, seed, state)
            notes += _foreign_weights(run, runs)
            runs[plan.role] = run
    found = [runs[plan.role] for plan in plans]
    check_lengths(found)
    return found, notes


@dataclass(frozen=True)
class Job:
    """A training, its folder and its seed."""

    plan: Plan
    cfg: Config
    folder: Path
    seed: int
    validate: bool

    def bring_to_its_end(self) -> tuple[Run, str]:
        """As :func:`bring_to_its_end`, in any process."""
        import_modules(self.cfg)
        return bring_to_its_end(self.plan, self.cfg, folder=self.folder, seed=self.seed, validate=self.validate)

    def is_trained(self) -> bool:
        """Whether the folder holds a checkpoint of a training's end, of this training or another one."""
        found, _ = newest_whole_checkpoint(self.folder)
        return found is not None and is_final(found, self.cfg)


def import_modules(cfg: Config) -> None:
    """Imports what a config names in ``custom_imports``, in a process that did not read the config itself."""
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)


def _groups(plans: Sequence[Plan], *, size: int) -> Iterator[list[Plan]]:
    """The plans in groups of at most ``size``, none of which needs a plan of its own group."""
    waiting, done = list(plans), set[str]()
    while waiting:
        group = [plan for plan in waiting if done.issuperset(plan.needs.values())][:size]
        yield group
        waiting = [plan for plan in waiting if plan not in group]
        done.update(plan.role for plan in group)


def _nothing_around(plan: Plan, cfg: Config, folder: Path) -> AbstractContextManager[Ended]:
    return nullcontext(lambda when: None)


def _bring(jobs: Sequence[Job], around: Around) -> list[tuple[Run, str]]:
    """One after another, or two at a time where neither is trained."""
    if len(jobs) == 2 and not any(job.is_trained() for job in jobs):
        return _bring_two(jobs[0], jobs[1], around)
    found = []
    for job in jobs:
        with around(job.plan, job.cfg, job.folder):
            found.append(job.bring_to_its_end())
    return found


def _bring_two(first: Job, second: Job, around: Around) -> list[tuple[Run, str]]:
    """The second in a process of its own."""
    with ExitStack() as stack:
        stages = [stack.enter_context(ExitStack()) for _ in range(2)]
        ended = [stage.enter_context(around(job.plan, job.cfg, job.folder))
                 for stage, job in zip(stages, (first, second), strict=True)]
        display = stack.enter_context(closing(SharedDisplay(ProgressDisplay.on_terminal())))
        other = stack.enter_context(OwnProcess(_train, second, title=second.plan.title,
                                               folder=second.folder, show=display.show))
        with shown_by(lambda is_transient: DisplayPart(first.plan.title, display.show)):
            found = first.bring_to_its_end()
        stages[0].close()
        state = other.wait()
        ended[1](other.ended)
        run, _ = second.bring_to_its_end()  # which reads what the process trained
        stages[1].close()
    return [found, (run, state)]


def _train(job: Job) -> str:
    """Brings a training to its end; returns how."""
    return job.bring_to_its_end()[1]


def bring_to_its_end(plan: Plan, cfg: Config, *, folder: Path, seed: int, validate: bool) -> tuple[Run, str]:
    """Trains one model, resumes its training, or reads it; returns which of these, too.

    Raises:
        DistilPoseError: the folder holds a training of another config or seed.
    """
    found, _ = newest_whole_checkpoint(folder)
    state = 'trained' if found is None else 'trained further'
    meta: dict[str, Any] = {}
    if found is not None:
        checkpoint = load_file(found)
        check_training_state(checkpoint, source=found)
        meta = checkpoint['meta']
        check_stored(meta, cfg, source=f'{folder} ({plan.title})', seed=seed)
    if found is not None and is_final(found, cfg):
        state = f'trained before, read from {found}'
    else:
        train(cfg, work_dir=folder, seed=seed, resume='auto', validate=validate)
        found, _ = newest_whole_checkpoint(folder)
        if found is None or not is_final(found, cfg):
            raise DistilPoseError(f'the training in {folder} ended without a checkpoint of its end; give its config '
                                  "default_hooks.checkpoint=dict(type='CheckpointHook', save_last=True)")
        meta = load_file(found)['meta']
    return Run(plan, cfg, seed, folder, found, int(meta['iter']), read_literals(meta['cfg'])), state


def is_final(checkpoint: Path, cfg: Config) -> bool:
    """Whether the name of a training's checkpoint is that of its end."""
    found = re.fullmatch(r'(epoch|iter)_(\d+)\.pth', checkpoint.name)
    if found is None:
        raise DistilPoseError(f'{checkpoint} is named by last_checkpoint, and its name has neither epoch nor iteration'
                              '; expected epoch_N.pth or iter_N.pth')
    return int(found[2]) == cfg.train_cfg.get(f'max_{found[1]}s')


def check_stored(meta: Mapping[str, Any], cfg: Config, *, source: str, seed: int) -> None:
    """Compares what a checkpoint stores about its training with the config of this comparison.

    Raises:
        DistilPoseError: names what differs and decides about the weights.
    """
    try:
        stored = read_literals(str(meta['cfg']))
    except (KeyError, ValueError, SyntaxError) as error:
        raise DistilPoseError(f'the checkpoint in {source} does not say how it was trained ({error}); expected one of '
                              'tools/train.py. Move it away to train again') from error
    expected = copy.deepcopy(cfg)
    add_teacher_crops(expected)  # as the training that stored its config has done
    found = differences(what_decides(stored, cfg), what_decides(expected.to_dict(), cfg), ignore=MAY_DIFFER)
    words = [f'{place} is {one} there and {other} here' for place, one, other in found]
    if meta.get('seed') != seed:
        words.append(f'its seed is {meta.get("seed")} and not {seed}')
    if words:
        raise DistilPoseError(f'{source} holds a training of another config: {"; ".join(words)}. Ask for the same, '
                              'name another --work-dir, or move the folder away to train again')


def what_decides(values: Mapping[str, Any], expected: Config) -> dict[str, Any]:
    """The part of a config that decides about the weights, but for those of the teacher; steps and data sets with the
    same samples have the types of mmpose.

    Args:
        values: the config as it was stored.
        expected: the config of the comparison.
    """
    chosen = {key: with_plain_types(with_names_of_files(values.get(key), key)) for key in _DECIDE_THE_WEIGHTS}
    if values.get('resume'):
        chosen['load_from'] = with_names_of_files(expected.get('load_from'), 'load_from')  # it names the run's own
    if isinstance(chosen['model'].get('teacher'), Mapping):
        chosen['model']['teacher'] = {**chosen['model']['teacher'], 'checkpoint': None}
    if isinstance(chosen['model'].get('teachers'), Mapping):
        chosen['model']['teachers'] = {name: {**spec, 'checkpoint': None} for name, (_, spec) in
                                       named_teachers(chosen['model']).items()}
    return chosen


def with_names_of_files(node: Any, key: str = '') -> Any:
    """A copy with the names of files instead of their paths."""
    if isinstance(node, Mapping):
        return {name: with_names_of_files(value, name) for name, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [with_names_of_files(value) for value in node]
    return Path(node).name if key in _FILES and isinstance(node, str) else node


def _foreign_weights(run: Run, runs: Mapping[str, Run]) -> Iterator[str]:
    """Sentences on a run that was made elsewhere, with other weights than those of this seed's trainings."""
    needs = {TEACHER: 'teacher', **run.plan.needs} if 'teacher' in runs else run.plan.needs
    for key, role in needs.items():
        used = at(run.stored, key)
        if used is None or (key == 'load_from' and run.stored.get('resume')):  # which names the run's own
            continue
        named = Path(used).parts[-3:]
        if key not in run.plan.needs or named != runs[role].checkpoint.parts[-3:]:
            verb = 'learned' if key == TEACHER else 'started'
            yield (f'{run.plan.title!r} of seed {run.seed} {verb} from {"/".join(named)}, and not from the last '
                   f"weights of this seed's {runs[role].plan.title}")


def at(values: Any, key: str) -> Any:
    """The value at a dotted key, ``None`` where there is none."""
    for name in key.split('.'):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def check_lengths(runs: Sequence[Run]) -> None:
    """Compares students, who may have been trained elsewhere on another number of processes.

    Raises:
        DistilPoseError: they were not trained for the same number of iterations.
    """
    baseline = next(run for run in runs if run.plan.role == 'baseline')
    of_stages = stages([run.plan for run in runs])
    for run in runs:
        if run.plan.role not in of_stages and run.iterations != baseline.iterations:
            raise DistilPoseError(
                f'{run.folder} was trained for {run.iterations} iterations and {baseline.folder} for '
                f'{baseline.iterations} with the same epochs and batch size, so on another number of processes; train '
                'both on the same number')
