"""Ranges of values by the place and the key that has them: batch sizes, learning rates, probabilities, intervals."""

from __future__ import annotations

import fnmatch
import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

_LOADER = ('*_dataloader', )
_DATA_SET = ('*_dataloader.dataset*', )
_PIPELINE = ('*_dataloader.*', 'custom_hooks.*', 'default_hooks.*')
_HOOKS = ('default_hooks.*', 'custom_hooks.*')
_MODEL = ('model.*', )
_SCHEDULES = ('param_scheduler', 'param_scheduler.*')
_EVALUATOR = ('*_evaluator', '*_evaluator.*')
_TEST_CFG = ('model.*test_cfg', )


class Values(NamedTuple):
    """What a key takes."""

    fits: Callable[[Any], bool]
    expected: str
    """In words."""
    numbers_only: bool = False
    """Whether only numbers are tested, one by one in lists; anything else is left to what reads it."""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def whole(least: int, *, or_none: bool = False, also: tuple[int, ...] = ()) -> Values:
    """A whole number from ``least`` on, or one of ``also``."""
    words = [*map(str, also), f'a whole number of at least {least}'] + ['None'] * or_none
    return Values(lambda value: (or_none and value is None) or (
        isinstance(value, int) and not isinstance(value, bool) and (value >= least or value in also)),
                  ' or '.join(words))


def length(least: int) -> Values:
    """A whole number from ``least`` on, which mmengine also takes as ``1e5``."""
    return Values(lambda value: _is_number(value) and value >= least and float(value).is_integer(),
                  f'a whole number of at least {least}')


def number(low: float = -math.inf, high: float = math.inf, *, above: bool = False, below: bool = False,
           infinite: bool = False, or_none: bool = False) -> Values:
    """A number from ``low`` to ``high``, without them where it has to be ``above`` or ``below``."""
    lower = '' if low == -math.inf else f'{"above" if above else "of at least"} {low:g}'
    upper = '' if high == math.inf else f'{"below" if below else "of at most"} {high:g}'
    words = ' and '.join(filter(None, (lower, upper)))

    def fits(value: Any) -> bool:
        if value is None:
            return or_none
        return (_is_number(value) and (infinite or math.isfinite(value)) and low <= value <= high
                and not (above and value == low) and not (below and value == high))

    return Values(fits, f'a number {words}'.strip() + ' or None' * or_none)


def one_of(*values: Any) -> Values:
    """One of some values."""
    return Values(lambda value: any(value == other and type(value) is type(other) for other in values),
                  ', '.join(map(repr, values[:-1])) + f' or {values[-1]!r}')


def several(entry: Values, *, count: tuple[int, ...] = (), expected: str) -> Values:
    """A list of values."""
    return Values(lambda value: isinstance(value, Sequence) and not isinstance(value, str)
                  and (not count or len(value) in count) and all(map(entry.fits, value)), expected)


def numbers(entry: Values) -> Values:
    """Numbers, alone or in lists; anything else is left to what reads it."""
    return entry._replace(numbers_only=True)


def _text(*, or_none: bool = False) -> Values:
    return Values(lambda value: isinstance(value, str) or (or_none and value is None), 'text' + ' or None' * or_none)


def _fits_indices(value: Any) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return len(value) > 0 and all(isinstance(index, int) for index in value)
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value != 0)


_FLAG = one_of(True, False)
_SHARE = number(0, 1)
_POSITIVE = number(0, above=True)
_NOT_NEGATIVE = number(0)
_SIZE = several(whole(1), count=(2, 3), expected='two whole numbers of at least 1, width and height')
_ODD = Values(lambda value: isinstance(value, int) and value > 0 and value % 2 == 1, 'an odd whole number')
_LEVELS = ('CRITICAL', 'ERROR', 'WARNING', 'WARN', 'INFO', 'DEBUG', 'NOTSET')

_TABLE: Sequence[tuple[Sequence[str], str, Values]] = (
    (('', ), 'log_level', Values(lambda value: value in _LEVELS or (isinstance(value, int) and value >= 0),
                                 f'one of {", ".join(_LEVELS[:-1])}')),
    (('', ), 'load_from work_dir', _text(or_none=True)),
    (('', ), 'resume', _FLAG),
    (_LOADER, 'batch_size', whole(1)),
    (_LOADER, 'num_workers', whole(0)),
    (_LOADER, 'prefetch_factor num_batch_per_epoch', whole(1, or_none=True)),
    (_LOADER, 'timeout', _NOT_NEGATIVE),
    (_LOADER, 'drop_last persistent_workers pin_memory', _FLAG),
    (('*_dataloader.sampler', ), 'shuffle round_up', _FLAG),
    (_DATA_SET, 'indices', Values(_fits_indices, 'a whole number that is not 0, a list of them, or None')),
    (_DATA_SET, 'ann_file', _text()),
    (_DATA_SET, 'data_root bbox_file', _text(or_none=True)),
    (_DATA_SET, 'test_mode lazy_init', _FLAG),
    (_DATA_SET, 'data_mode', one_of('topdown', 'bottomup')),
    (('train_cfg', ), 'max_epochs max_iters val_interval', length(1)),
    (('train_cfg', ), 'val_begin', whole(0)),
    (('train_cfg', ), 'by_epoch', _FLAG),
    (('optim_wrapper.optimizer', ), 'lr weight_decay eps', _NOT_NEGATIVE),
    (('optim_wrapper.optimizer', ), 'momentum', number(0, 1, below=True)),
    (('optim_wrapper.optimizer', ), 'alpha', _SHARE),
    (('optim_wrapper.optimizer', ), 'betas', several(
        number(0, 1, below=True), count=(2, 3), expected='two numbers of at least 0 and below 1')),
    (('optim_wrapper', ), 'accumulative_counts', whole(1)),
    (('optim_wrapper', ), 'loss_scale', numbers(_POSITIVE)),
    (('optim_wrapper.clip_grad', ), 'max_norm clip_value', number(0, above=True, infinite=True)),
    (('optim_wrapper.paramwise_cfg*', ), 'lr_mult decay_mult bias_lr_mult bias_decay_mult norm_decay_mult '
     'flat_decay_mult dwconv_decay_mult dcn_offset_lr_mult', _NOT_NEGATIVE),
    (('optim_wrapper.paramwise_cfg', ), 'layer_decay_rate', number(0, 1, above=True)),
    (_SCHEDULES, 'begin', length(0)),
    (_SCHEDULES, 'end', length(1)),
    (_SCHEDULES, 'step_size', whole(1)),
    (_SCHEDULES, 'T_max', whole(1, or_none=True)),
    (_SCHEDULES, 'gamma', _POSITIVE),
    (_SCHEDULES, 'start_factor', number(0, 1, above=True)),
    (_SCHEDULES, 'end_factor', _SHARE),
    (_SCHEDULES, 'eta_min', number(0, or_none=True)),
    (_SCHEDULES, 'eta_min_ratio', number(0, 1, or_none=True)),
    (_SCHEDULES, 'by_epoch convert_to_iter_based', _FLAG),
    (_SCHEDULES, 'milestones', several(whole(1), expected='a list of whole numbers of at least 1')),
    (('default_hooks.logger', ), 'interval', whole(1)),
    (('default_hooks.checkpoint', ), 'interval max_keep_ckpts', whole(1, also=(-1, ))),
    (_HOOKS, 'interval max_keep_ckpts', numbers(Values(lambda value: value != 0, 'at least 1, or -1 for none'))),
    (_HOOKS, 'patience', whole(1)),
    (('custom_hooks.*', 'default_hooks.*'), 'momentum', numbers(number(0, 1, above=True, below=True))),
    (('default_hooks.checkpoint', ), 'save_best rule', Values(
        lambda value: value is None or isinstance(value, (str, list, tuple)), 'text, a list of it, or None')),
    (_PIPELINE, 'prob p', numbers(_SHARE)),
    (_PIPELINE, 'input_size', _SIZE),
    (('*.decoder', '*.encoder', '*.encoder.*', '*.decoder.*'), 'input_size', _SIZE),
    ((*_PIPELINE, *_MODEL), 'heatmap_size', numbers(whole(1))),
    (('*.decoder', '*.encoder', '*.encoder.*', '*.decoder.*'), 'sigma simcc_split_ratio', numbers(_POSITIVE)),
    (('*.decoder', '*.encoder', '*.encoder.*', '*.decoder.*'), 'label_smooth_weight', numbers(_SHARE)),
    (('*.decoder', '*.encoder', '*.encoder.*', '*.decoder.*'), 'blur_kernel_size', numbers(_ODD)),
    (_MODEL, 'dropout dropout_rate drop_rate drop_path_rate drop_path attn_drop_rate attn_drop proj_drop drop_prob',
     numbers(_SHARE)),
    (_MODEL, 'in_channels out_channels num_joints num_keypoints embed_dims hidden_dims num_heads num_stacks',
     numbers(whole(1))),
    (_MODEL, 'loss_weight', numbers(_NOT_NEGATIVE)),
    (('model.*norm_cfg', ), 'momentum', numbers(_SHARE)),
    (('model.*norm_cfg', ), 'eps', numbers(_POSITIVE)),
    (('model.*data_preprocessor', ), 'mean', several(
        number(), count=(1, 3), expected='one number or three, a list for the channels')),
    (('model.*data_preprocessor', ), 'std', several(
        _POSITIVE, count=(1, 3), expected='one number above 0 or three, a list for the channels')),
    (('model', ), 'task_weight', numbers(_NOT_NEGATIVE)),
    (('model.terms.*', ), 'weight', numbers(_NOT_NEGATIVE)),
    (_TEST_CFG, 'flip_test shift_heatmap shift_coords', _FLAG),
    (_TEST_CFG, 'flip_mode', one_of('heatmap', 'udp_combined', 'offset')),
    (_EVALUATOR, 'nms_thr keypoint_score_thr', numbers(_SHARE)),
    (_EVALUATOR, 'thr', numbers(_POSITIVE)),
    (_EVALUATOR, 'use_area gt_converter_flag format_only', _FLAG),
    (_EVALUATOR, 'collect_device', one_of('cpu', 'gpu')),
    (('log_processor', ), 'window_size', whole(1)),
    (('log_processor', ), 'by_epoch', _FLAG),
    (('auto_scale_lr', ), 'base_batch_size', whole(1)),
    (('auto_scale_lr', ), 'enable', _FLAG),
    (('randomness', ), 'seed', Values(lambda value: value is None or (
        isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32),
                                      'a whole number from 0 to 2**32 - 1, or None')),
    (('randomness', ), 'deterministic diff_rank_seed', _FLAG),
    (('env_cfg', ), 'cudnn_benchmark', _FLAG),
    (('env_cfg', ), 'matmul_precision', one_of('highest', 'high', 'medium', None)),
    (('env_cfg.mp_cfg', ), 'mp_start_method', one_of('fork', 'spawn', 'forkserver', None)),
    (('env_cfg.mp_cfg', ), 'opencv_num_threads', whole(0, or_none=True)),
    (('env_cfg.dist_cfg', ), 'timeout', _POSITIVE),
    (('visualizer', ), 'alpha', _SHARE),
    (('visualizer', ), 'radius line_width', _POSITIVE),
)


@functools.cache
def _rules() -> Mapping[str, Sequence[tuple[re.Pattern[str], Values]]]:
    rules: dict[str, list[tuple[re.Pattern[str], Values]]] = {}
    for places, keys, values in _TABLE:
        pattern = re.compile('|'.join(map(fnmatch.translate, places)))
        for key in keys.split():
            rules.setdefault(key, []).append((pattern, values))
    return rules


def out_of_range(path: str, key: str, value: Any) -> str | None:
    """What a key takes, where a value is none of it.

    Args:
        path: where its dictionary is, as ``--cfg-options`` takes it; empty at the top.
        key: its name.
        value: its value.

    Returns:
        The expected values in words; ``None`` where the value is one, or nothing is known.
    """
    name = 'prob' if key.endswith('_prob') and key != 'drop_prob' else key
    for pattern, values in _rules().get(name, ()):
        if pattern.match(path):
            found = [entry for entry in _flat(value) if _is_number(entry)] if values.numbers_only else [value]
            if not all(map(values.fits, found)):
                return values.expected
    return None


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [entry for part in value for entry in _flat(part)]
    return [value]
