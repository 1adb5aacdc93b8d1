"""Files that a config names: annotations, images, detected boxes, checkpoints and ONNX files exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from distilpose.errors import DistilPoseError, as_option
from distilpose.host.data_files import LOCAL_BACKENDS

from .named_teachers import named_teachers
from .paths import project_path
from .tree import ConfigTree
from .walk import type_name


def check_data_files(config: Config | ConfigTree, loaders: Sequence[str] | None = None) -> None:
    """Looks for the files that data sets and evaluators name.

    Args:
        config: with its final paths.
        loaders: which of ``'train'``, ``'val'``, ``'test'`` will be used; a tree has its own.

    Raises:
        DistilPoseError: a file does not exist; the message has its entry in the config and the option that changes it.
    """
    tree = ConfigTree.of(config, loaders)
    root = tree.cfg.get('data_root')
    for loader in tree.loaders:
        for path, dataset in tree.below(f'{loader}_dataloader'):
            if dataset.get('backend_args') not in LOCAL_BACKENDS:
                continue
            for key, file in _dataset_files(dataset):
                _require(file, f'{path}.{key}', data_root=root)
        for path, evaluator in tree.below(f'{loader}_evaluator'):
            if isinstance(evaluator.get('ann_file'), str):
                _require(Path(evaluator['ann_file']), f'{path}.ann_file', data_root=root)


def _dataset_files(dataset: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    root = Path(dataset.get('data_root') or '')
    if dataset.get('data_root'):
        yield 'data_root', root
    if isinstance(dataset.get('ann_file'), str) and dataset['ann_file']:
        yield 'ann_file', root / dataset['ann_file']
    prefixes = dataset.get('data_prefix')
    for name, prefix in (prefixes.items() if isinstance(prefixes, Mapping) else ()):
        if isinstance(prefix, str) and prefix:
            yield f'data_prefix.{name}', root / prefix
    if isinstance(dataset.get('bbox_file'), str) and dataset['bbox_file']:
        yield 'bbox_file', Path(dataset['bbox_file'])
    for key in ('images', 'boxes') if type_name(dataset.get('type')) == 'UnlabelledImages' else ():
        if dataset.get(key):
            yield key, root / dataset[key]


def _require(path: Path, named_by: str, *, data_root: str | None) -> None:
    if ':' in str(path) or path.exists():  # a URL has a colon
        return
    moves_with_data = data_root and Path(data_root) in (path, *path.parents)
    option = '--data-root DIR' if moves_with_data else f'--cfg-options {as_option(named_by)}=...'
    if named_by.endswith('.bbox_file'):
        option += f', or test on ground-truth boxes with --cfg-options {named_by}=None'
    raise DistilPoseError(f'there is no {path} (looked from {Path.cwd()}), which {named_by} names; put the data there, '
                          f'or say where it is with {option}')


def check_checkpoint_files(config: Config | ConfigTree) -> None:
    """Looks for the weights that the config starts from.

    Raises:
        DistilPoseError: a file does not exist; the message has its entry in the config.
    """
    tree = ConfigTree.of(config)
    named = {'load_from': tree.cfg.get('load_from')}
    for entry, spec in named_teachers(tree.model).values() if tree.is_distillation else ():
        named |= {f'{entry}.checkpoint': spec.get('checkpoint'), f'{entry}.file': spec.get('file')}
    if tree.is_distillation:
        named['model.student.checkpoint'] = (tree.model.get('student') or {}).get('checkpoint')
    for key, value in named.items():
        if isinstance(value, str) and '://' not in value and not project_path(value).is_file():
            kind = 'ONNX file' if key.endswith('.file') else 'checkpoint'
            is_folder = ' (it is a folder)' if project_path(value).is_dir() else ''
            raise DistilPoseError(f'there is no {kind} {project_path(value)}{is_folder}, which {key} names; put it '
                                  f'there, or say where it is with --cfg-options {key}=FILE')
