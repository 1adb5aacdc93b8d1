"""Facts of a run (config, data, model) in every checkpoint, compared with those of the run that resumes from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...checkpoints.integrity import sha256_of
from ...config.differences import Difference, differences, read_literals
from ...config.fast_data import with_plain_types
from ...config.named_teachers import named_teachers, of_teacher
from ...config.walk import plain
from ...distillation import PoseDistiller
from ...distillation.teachers import teacher_facts
from ...errors import DistilPoseError
from ...structures import ONLY_TEACHER
from ..fingerprints import annotation_files, digest
from ..resuming.optimizer import Position, has_other_groups, use_own_options
from ..unwrapped_model import unwrapped_model

Facts = dict[str, dict[str, str]]
"""``'data'``, ``'model'`` or ``'run'`` -> fact -> value."""

_SECTIONS = ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'randomness',
             'custom_hooks')
_NO_MATTER = frozenset({  # where things lie, and what changes speed or validation only
    'data_root', 'data_prefix', 'ann_file', 'backend_args', 'pin_memory', 'prefetch_factor', 'persistent_workers',
    'crops', 'val_interval', 'val_begin', 'dynamic_intervals', 'seed', 'optimizer'})
_NO_MATTER_OF_MODELS = frozenset({'init_cfg', 'pretrained', 'test_cfg', 'checkpoint', 'compile_student'})
_SPEED_OF_TEACHERS = ('dtype', 'compile', 'fused', 'quick')
"""What changes the rounding of a teacher's outputs."""
_MOST = 6


@HOOKS.register_module()
class ResumeFactsHook(Hook):
    """Applies and logs what changed since a checkpoint, and refuses what a resumed run has to keep.

    Learning rates, weight decay, batch size, workers, seed and schedule are those of the config of this run. Other
    data, another model or another type of optimizer are refused, unless they are allowed. The data are compared by
    checksums of the annotation files and the number of samples, the teacher by the digest of its weights; these facts
    are in ``meta.resume_facts`` of every checkpoint. The rest is compared with the config in the checkpoint.

    A run that is only read, because its training is finished, is not compared: its optimizer is not built.

    Args:
        allow_changed: some of ``'data'``, ``'model'``, ``'optimizer'``. A changed optimizer starts anew.
    """

    priority = 'LOW'  # after the hooks that read the checkpoint's seed and averaged weights

    def __init__(self, allow_changed: Sequence[str] = ()) -> None:
        self.allow_changed = tuple(allow_changed)
        self.facts: Facts | None = None

    def before_train(self, runner: Runner) -> None:
        """Reads the facts, before anything can change them."""
        if self.facts is None and is_main_process():
            self.facts = facts_of(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Adds the facts."""
        checkpoint['meta']['resume_facts'] = self.facts or facts_of(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compares, before mmengine loads optimizer and schedule.

        Raises:
            DistilPoseError: data, model or type of the optimizer changed; the message has both values and what to do.
        """
        if not runner._resume or not isinstance(runner.optim_wrapper, OptimWrapper):
            return
        self.facts = shared_facts(runner)
        meta = checkpoint['meta']
        stored, config = meta.get('resume_facts'), _config_in(meta)
        refused = {
            'data': list(_changed(stored, self.facts, 'data')),
            'model': [*_changed(stored, self.facts, 'model'),
                      *_changed_model(config, runner.cfg, has_facts=bool(stored))],
            'optimizer': list(_changed_optimizer(config, runner, checkpoint)),
        }
        self._check(refused, source=str(runner._load_from))
        changes = [*_changed(stored, self.facts, 'run'), *_changed_options(config, runner.cfg)]
        changes += [change for found in refused.values() for change in found]
        seed = runner._randomness_cfg.get('seed')
        if seed is not None and meta.get('seed', seed) != seed:
            changes.append(Difference('seed', str(meta['seed']), str(seed)))
            meta['seed'] = seed  # which mmengine would put in the place of this run's
        if refused['optimizer']:
            checkpoint.pop('optimizer', None)
        if 'optimizer' not in checkpoint:
            runner.logger.warning('The optimizer starts anew: its moments in the checkpoint are those of another one.')
        lines = use_own_options(runner, checkpoint, position_of(runner, checkpoint),
                                may_differ=bool(changes) or config is None)
        missing = ['no checksums of its data and teacher'] * (not stored)
        missing += ['no config of plain values'] * (config is None)
        log_changes(runner, [*map(_sentence, changes), *lines], missing=missing)

    def _check(self, refused: Mapping[str, Sequence[Difference]], *, source: str) -> None:
        found = {name: changes for name, changes in refused.items() if changes and name not in self.allow_changed}
        if not found:
            return
        changes = [change for changes in found.values() for change in changes]
        text = '; '.join(map(_sentence, changes[:_MOST]))
        more = f'; and {len(changes) - _MOST} more' if len(changes) > _MOST else ''
        raise DistilPoseError(
            f'{source} cannot be resumed from with another {" and ".join(found)}: {text}{more}. Set what that run '
            'had, start a new training from its weights with --cfg-options load_from=FILE, or add --allow-changed '
            f'{",".join(found)} to go on all the same')


def facts_of(runner: Runner) -> Facts:
    """What decides about a training and stands neither in its config nor in its weights."""
    dataset, model = runner.train_dataloader.dataset, unwrapped_model(runner)
    data = {f'SHA-256 of annotation file {number}': f'{sha256_of(file)[:16]} ({file.name})'
            for number, file in enumerate(annotation_files(dataset), 1)}
    data['number of samples'] = str(len(dataset))
    teachers: dict[str, str] = {}
    for name, paired in _teachers_of(model).items():
        teachers |= _facts_of_teacher(name, paired)
    return dict(data=data, model=teachers, run={'number of processes': str(get_world_size()), **_types(runner, model)})


def _teachers_of(model: Any) -> dict[str, Any]:
    return model.teachers if isinstance(model, PoseDistiller) else {}


def _facts_of_teacher(name: str, paired: Any) -> dict[str, str]:
    spec = plain(paired.spec)
    known = teacher_facts(spec, paired.teacher)
    facts = {f'SHA-256 of {of_teacher(name, "config")}': digest(known)}
    if paired.teacher.is_frozen:
        facts = {f'SHA-256 of {of_teacher(name, "weights")}': paired.teacher.loaded_digest[:16], **facts}
    if paired.keypoint_map is not None:
        facts[f'SHA-256 of {of_teacher(name, "keypoints")}'] = digest(paired.keypoint_map.partners)
    return facts


def _types(runner: Runner, model: Any) -> dict[str, str]:
    """What ``'auto'`` is on this machine, for each type that the config leaves to it."""
    found = {of_teacher(name, 'type'): str(paired.teacher.dtype or 'torch.float32')
             for name, paired in _teachers_of(model).items() if paired.spec.get('dtype') == 'auto'}
    if runner.cfg.optim_wrapper.get('dtype') == 'auto':
        found['type of the forward pass'] = str(getattr(runner.optim_wrapper, 'dtype', 'torch.float32'))
    return found


def shared_facts(runner: Runner) -> Facts:
    """The facts, read by the first process for all, so that all decide alike."""
    found: list[Any] = [facts_of(runner) if is_main_process() else None]
    broadcast_object_list(found)
    return found[0]


def position_of(runner: Runner, checkpoint: Mapping[str, Any]) -> Position:
    """Where this run continues, in its own iterations."""
    meta, info = checkpoint['meta'], checkpoint.get('message_hub', {}).get('runtime_info', {})
    epochs, iterations = int(meta['epoch']), int(meta['iter'])
    if hasattr(runner.train_loop, 'dataloader_iterator'):
        return Position(0, iterations, 0)
    length = len(runner.train_dataloader)
    saved_length = length
    if info.get('max_iters') and info.get('max_epochs'):
        saved_length = info['max_iters'] // info['max_epochs']
    done = iterations - epochs * saved_length
    return Position(epochs, epochs * length + (done if 0 < done <= saved_length else 0), length,
                    is_recounted=length != saved_length)


def log_changes(runner: Runner, changes: Sequence[str], *, missing: Sequence[str]) -> None:
    """One line of what is different now, and one of what could not be compared."""
    if changes:
        runner.logger.warning(f'Resuming with changes, which apply from here on: {"; ".join(changes)}.')
    if missing:
        runner.logger.warning(f'Not all was compared with the run that is resumed: its checkpoint holds '
                              f'{" and ".join(missing)}.')


def _config_in(meta: Mapping[str, Any]) -> dict[str, Any] | None:
    """The config that mmengine wrote into a checkpoint, or ``None`` where it holds more than plain values."""
    try:
        return read_literals(str(meta['cfg']))
    except (KeyError, ValueError, SyntaxError, TypeError, RecursionError):
        return None


def _changed(stored: Any, facts: Facts, part: str) -> Iterator[Difference]:
    """Facts of both that differ."""
    before = stored.get(part) if isinstance(stored, Mapping) else None
    if not isinstance(before, Mapping):
        return
    for name in [*before, *(name for name in facts[part] if name not in before)]:
        one, other = str(before.get(name, 'absent')), facts[part].get(name, 'absent')
        if one.split(' ')[0] != other.split(' ')[0]:  # behind it stands the name of the file
            yield Difference(name, one, other)


def _changed_model(config: Mapping[str, Any] | None, now: Any, *, has_facts: bool) -> Iterator[Difference]:
    """The network of the student and the terms; a teacher is compared by digests, where there are any."""
    if config is not None and isinstance(config.get('model'), Mapping):
        yield from differences(_network(config['model'], has_facts=has_facts),
                               _network(now.model.to_dict(), has_facts=has_facts), where='model',
                               ignore=_NO_MATTER_OF_MODELS)


def _network(model: Mapping[str, Any], *, has_facts: bool) -> dict[str, Any]:
    teachers = {name: _without_places(spec, has_facts=has_facts) for name, (_, spec) in named_teachers(model).items()}
    if 'teachers' in model:
        return {**model, 'teachers': teachers}
    return {**model, 'teacher': teachers[ONLY_TEACHER]} if teachers else dict(model)


def _without_places(teacher: Mapping[str, Any], *, has_facts: bool) -> dict[str, Any]:
    places = {key: Path(value).name if isinstance(value, str) else value for key in ('config', 'file')
              if (value := teacher.get(key)) is not None}
    left_out = (*_SPEED_OF_TEACHERS, *(places if has_facts else ()))
    return {**teacher, **places, **dict.fromkeys(left_out)}


def _changed_optimizer(config: Mapping[str, Any] | None, runner: Runner,
                       checkpoint: Mapping[str, Any]) -> Iterator[Difference]:
    """Another type, or other groups of parameters."""
    saved, own = checkpoint.get('optimizer'), runner.optim_wrapper.optimizer
    if saved is None:
        return
    wrapper = (config or {}).get('optim_wrapper')
    before = (wrapper.get('optimizer') or {}).get('type') if isinstance(wrapper, Mapping) else None
    now = (runner.cfg.optim_wrapper.get('optimizer') or {}).get('type')
    if before is not None and before != now:
        yield Difference('optim_wrapper.optimizer.type', repr(before), repr(now))
    elif before is None and (own.param_groups[0].keys() ^ saved['param_groups'][0].keys()) & {'betas', 'momentum'}:
        yield Difference('optimizer', ', '.join(saved['param_groups'][0]), ', '.join(own.param_groups[0]))
    elif has_other_groups(runner, saved):
        yield Difference('number of parameters in the groups of the optimizer', _sizes(saved['param_groups']),
                         _sizes(own.param_groups))


def _sizes(groups: Sequence[Mapping[str, Any]]) -> str:
    sizes = [len(group['params']) for group in groups]
    return str(sizes) if len(sizes) <= _MOST else f'{sum(sizes)} in {len(sizes)} groups'


def _changed_options(config: Mapping[str, Any] | None, now: Any) -> Iterator[Difference]:
    """Settings of the training that may change; fast data are those of the plain config."""
    if config is None:
        return
    own = now.to_dict()
    for name in _SECTIONS:
        yield from differences(with_plain_types(config.get(name) or {}), with_plain_types(own.get(name) or {}),
                               where=name, ignore=_NO_MATTER)
    yield from differences(_speed(config), _speed(own))


def _speed(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a config says about precision beside its ``optim_wrapper``."""
    model = config.get('model') or {}
    return {'fast': config.get('fast', 'off'), 'model.compile_student': model.get('compile_student'),
            **{f'{entry}.{name}': spec[name] for entry, spec in named_teachers(model).values()
               for name in _SPEED_OF_TEACHERS if name in spec}}


def _sentence(change: Difference) -> str:
    return f'{change.where} {change.one} -> {change.other}'
