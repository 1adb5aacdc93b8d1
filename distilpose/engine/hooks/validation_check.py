"""Sanity check of the validation: one sample before the training, so that its errors are found before epoch 1 ends."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dataset.utils import pseudo_collate
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, EarlyStoppingHook, Hook
from mmengine.runner import Runner
from mmpose.evaluation.evaluators import MultiDatasetEvaluator
from mmpose.registry import HOOKS
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import IterableDataset

from ...errors import BuildFailed, DistilPoseError
from ..failures.first_batch import describe
from ..unwrapped_model import unwrapped_model
from ..workers import describe_sample

_KNOWN = ('mmengine.', 'mmpose.', 'distilpose.')
_OF_COCO = ('AP', 'AP .5', 'AP .75', 'AP (M)', 'AP (L)', 'AR', 'AR .5', 'AR .75', 'AR (M)', 'AR (L)')
_OF_CROWDS = ('AP', 'AP .5', 'AP .75', 'AR', 'AR .5', 'AR .75', 'AP(E)', 'AP(M)', 'AP(H)')


@HOOKS.register_module()
class ValidationCheckHook(Hook):
    """Predicts the first validation sample, decodes it and gives it to the metrics, whose results it drops.

    It finds a pipeline without a step that the network needs, a decoder that does not fit the head, and a metric of
    another data set. Weights, running statistics and random numbers are the same afterwards.
    """

    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """Tries the validation.

        Raises:
            DistilPoseError: names the part of the config that does not fit.
        """
        model = unwrapped_model(runner)
        is_plain = runner.model is model or isinstance(runner.model, DistributedDataParallel)  # not sharded
        if not is_plain or runner.cfg.get('compile') or runner.val_loop is None or not hasattr(model, 'val_step'):
            return
        if isinstance(runner.val_loop.dataloader.dataset, IterableDataset):  # without a first sample to look at
            return
        is_training = model.training
        model.eval()
        try:
            with _random_numbers_kept(), _without_flips(model), torch.no_grad():
                self._try(runner, model)
        finally:
            model.train(is_training)

    def _try(self, runner: Runner, model: Any) -> None:
        loop: Any = runner.val_loop
        collate = getattr(loop.dataloader, 'collate_fn', None) or pseudo_collate
        with _sentences(model, 'val_dataloader'):
            batch = collate([loop.dataloader.dataset[0]])
            predictions = model.val_step(batch)
        _check_keypoints(predictions, model, loop.dataloader.dataset)
        if is_main_process():  # others have other samples
            for metric in _metrics_of(loop.evaluator, predictions):
                self._give(metric, batch, predictions)
            _check_monitored(runner, getattr(loop.evaluator, 'metrics', ()))

    @staticmethod
    def _give(metric: Any, batch: Any, predictions: Any) -> None:
        """Lets a metric read predictions, and forget them."""
        samples = [sample.to_dict() if hasattr(sample, 'to_dict') else sample for sample in predictions]
        before = list(metric.results)
        try:
            metric.process(batch, samples)
        except DistilPoseError:
            raise
        except Exception as error:
            text = ' '.join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())
            raise BuildFailed(f'the metric {type(metric).__name__} of val_evaluator cannot read what the network '
                              f'predicts and the data has: {type(error).__name__}: {text.rstrip(".")}; name a metric '
                              'of this data set') from error
        finally:
            metric.results[:] = before


def _metrics_of(evaluator: Any, predictions: Sequence[Any]) -> list[Any]:
    """The metrics that a validation gives a sample to; of other packages copies, since they may keep what they saw.

    mmpose's evaluator of several data sets gives each metric the samples of its data set only.
    """
    metrics = list(getattr(evaluator, 'metrics', ()))
    if isinstance(evaluator, MultiDatasetEvaluator):
        names = {sample.get('dataset_name', evaluator.dataset_meta['dataset_name']) for sample in predictions}
        metrics = [metric for name, metric in evaluator.metrics_dict.items() if name in names]
    copies = (metric if type(metric).__module__.startswith(_KNOWN) else _copied(metric) for metric in metrics)
    return [metric for metric in copies if metric is not None]


def _copied(metric: Any) -> Any:
    """A copy; ``None`` of what cannot be copied, such as an open file."""
    try:
        return copy.deepcopy(metric)
    except Exception:  # of what others hold in it
        return None


def _check_keypoints(predictions: Any, model: Any, dataset: Any) -> None:
    """Refuses predictions of another number of keypoints than the data has, which a decoder of other heads makes.

    Raises:
        BuildFailed: names both numbers.
    """
    expected = (getattr(dataset, 'metainfo', None) or {}).get('num_keypoints')
    for sample in predictions:
        found = getattr(sample, 'pred_instances', None)
        if expected is None or found is None or 'keypoints' not in found:
            continue
        count = np.shape(found.keypoints)[1]
        labels = getattr(sample, 'gt_instances', None)
        labelled = np.shape(labels.keypoints)[1] if labels is not None and 'keypoints' in labels else expected
        if count not in (expected, labelled):
            head = getattr(model, 'head', None)
            raise BuildFailed(f'the decoder of model.head ({type(getattr(head, "decoder", head)).__name__}) makes '
                              f'{count} keypoints of what {type(head).__name__} predicts, and the data of '
                              f'val_dataloader has {expected}; set model.head.decoder to the codec that the head '
                              'learns from')


def _check_monitored(runner: Runner, metrics: Sequence[Any]) -> None:
    """Refuses names of ``save_best`` and of early stopping that no metric gives, where all metrics are known.

    Raises:
        DistilPoseError: lists the names that there are.
    """
    names = [_names(metric) for metric in metrics]
    known = [f'{metric.prefix}/{name}' if metric.prefix else name for metric, found in zip(metrics, names, strict=True)
             for name in found or ()]
    if not known or None in names:
        return
    for hook in runner.hooks:
        kind = type(hook).__name__
        option = 'monitor' if isinstance(hook, EarlyStoppingHook) else 'save_best'
        value = getattr(hook, option, None) if isinstance(hook, (CheckpointHook, EarlyStoppingHook)) else None
        for name in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(name, str) and name not in ('auto', *known):
                raise DistilPoseError(f'{option} of {kind} names {name}, which is none of the metrics: '
                                      f'{", ".join(known)}; name one of these')


def _names(metric: Any) -> tuple[str, ...] | None:
    """Names of what a metric of mmpose measures, without its prefix; ``None`` for other metrics."""
    kind, norms = type(metric).__name__, dict(bbox='PCK', head='PCKh', torso='tPCK')
    if kind == 'CocoMetric' and metric.gt_converter is None:
        return _OF_CROWDS if metric.iou_type == 'keypoints_crowd' else _OF_COCO
    if kind == 'PCKAccuracy':
        return tuple(norms[item] for item in metric.norm_item)
    return (kind, ) if kind in ('AUC', 'EPE', 'NME') else None


def check_first_batch(runner: Runner) -> None:
    """Computes the losses of two samples of the training data, and drops them.

    Raises:
        DistilPoseError: names the part of the config that does not fit.
    """
    model, dataset = unwrapped_model(runner), runner.train_dataloader.dataset
    collate = getattr(runner.train_dataloader, 'collate_fn', None) or pseudo_collate
    model.train()
    with torch.no_grad(), _sentences(model, 'train_dataloader'):
        batch = collate([dataset[index] for index in range(min(2, len(dataset)))])
        model(**model.data_preprocessor(batch, True), mode='loss')


@contextmanager
def _sentences(model: Any, loader: str) -> Iterator[None]:
    """Raises a sentence where a pipeline or a network does not fit the rest of the config."""
    try:
        yield
    except DistilPoseError:
        raise
    except Exception as error:
        known = describe(error, model, batch=f'a batch of {loader}', loader=loader)
        sentence = describe_sample(error) if known is None else None
        if known is None and sentence is None:
            raise
        raise known or BuildFailed(f'{loader}: {sentence}') from error


@contextmanager
def _without_flips(model: Any) -> Iterator[None]:
    """Predicts once and not twice; the options of the flip test are checked before anything is built."""
    options = getattr(model, 'test_cfg', None)
    if isinstance(options, dict) and options.get('flip_test'):
        model.test_cfg = {**options, 'flip_test': False}
    try:
        yield
    finally:
        if isinstance(options, dict):
            model.test_cfg = options


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """Leaves the generators of Python, NumPy and torch as they were."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
