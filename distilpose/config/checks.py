"""What a config can get wrong that would otherwise end in a late traceback, or in a wrong number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmpose.registry import KEYPOINT_CODECS

from distilpose.errors import DistilPoseError, as_option
from distilpose.host.data_files import LOCAL_BACKENDS
from distilpose.host.speedups.tta import read_option

from .annotations import check_annotations
from .evaluator_checks import check_evaluators
from .image_checks import check_image_files
from .keypoint_checks import check_keypoints
from .loop_checks import check_loaders, check_loops
from .mixing_checks import check_mixed_data
from .number_checks import check_numbers
from .option_names import check_names
from .paths import project_path
from .pipeline_checks import check_pipelines
from .tree import ConfigTree
from .value_checks import check_values
from .walk import type_name

_SIZES = ('input_size', 'heatmap_size', 'simcc_split_ratio', 'heatmap_type')
_PARTS_OF_A_DISTILLATION = dict(
    student='dict(config=...), or a model dict',
    teacher="dict(config=..., checkpoint=...), or dict(type='OnnxTeacher', file=...)",
    terms="a dictionary of terms by name, such as dict(heatmaps=dict(type='HeatmapTerm'))")


class _Size(NamedTuple):
    """A value of a size, and where the config says it."""

    where: str
    value: Any
    codec: str | None = None


def check_networks(config: Config | ConfigTree) -> None:
    """Looks at the forms of a distillation's student, teacher and terms.

    Raises:
        DistilPoseError: one is missing or of another form; says what was expected.
    """
    tree = ConfigTree.of(config)
    if not tree.is_distillation:
        return
    for name, expected in _PARTS_OF_A_DISTILLATION.items():
        found = tree.model.get(name)
        is_made_elsewhere = name == 'teacher' and callable(getattr(found, 'outputs', None))
        if not (isinstance(found, Mapping) or is_made_elsewhere):
            state = f'is {found!r}' if name in tree.model else 'is missing'
            raise DistilPoseError(f'model.{name} of a PoseDistiller {state}; expected {expected}')


def check_input_sizes(config: Config | ConfigTree) -> None:
    """Compares the image sizes of all pipelines, codecs and of the student's decoder.

    A different size for training and testing, or for the network and its decoder, trains and tests without an error
    and gives wrong coordinates. Codecs of one type must also agree on their grid.

    Raises:
        DistilPoseError: two places disagree; names both, their values and what to change.
    """
    tree = ConfigTree.of(config)
    found = [*_decoder_sizes(tree), *_pipeline_sizes(tree)]
    for name in _SIZES:
        sizes = [size for key, size in found if key == name]
        for size in sizes[1:]:
            first = sizes[0]
            are_comparable = name == 'input_size' or first.codec == size.codec
            if are_comparable and first.value != size.value:
                raise DistilPoseError(
                    f'{first.where} is {_show(first.value)} and {size.where} is {_show(size.value)}; they must be '
                    'equal. Change one of them in the config (an option for codec or input_size itself does not reach '
                    'the places that were derived from it)')


def _decoder_sizes(tree: ConfigTree) -> Iterator[tuple[str, _Size]]:
    prefix = 'model.student' if tree.is_distillation else 'model'
    if tree.is_distillation and 'config' in tree.model['student']:
        prefix = f'{tree.model["student"]["config"]}: model'
    head = tree.student.get('head') or {}
    if isinstance(head.get('decoder'), Mapping):
        yield from _codec_sizes(head['decoder'], f'{prefix}.head.decoder')
    if 'input_size' in head:
        yield 'input_size', _Size(f'{prefix}.head.input_size', _plain(head['input_size']))


def _pipeline_sizes(tree: ConfigTree) -> Iterator[tuple[str, _Size]]:
    # hooks switch pipelines
    for path, step in tree.below('train_dataloader', 'val_dataloader', 'test_dataloader', 'custom_hooks',
                                 'default_hooks'):
        if step.get('type') in ('TopdownAffine', 'DecodingTopdownAffine') and 'input_size' in step:
            yield 'input_size', _Size(f'{path}.input_size', _plain(step['input_size']))
        if step.get('type') == 'GenerateTarget':
            for encoder_path, encoder in tree.below(f'{path}.encoder'):
                yield from _codec_sizes(encoder, encoder_path)


def _codec_sizes(codec: Mapping[str, Any], path: str) -> Iterator[tuple[str, _Size]]:
    for name in _SIZES:
        if name in codec:
            yield name, _Size(f'{path}.{name}', _plain(codec[name]), codec.get('type'))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _show(value: Any) -> str:
    is_size = isinstance(value, tuple) and len(value) == 2
    return f'{value[0]}x{value[1]} (width x height)' if is_size else str(value)


def check_targets(config: Config | ConfigTree) -> None:
    """Looks whether the codecs of the training's pipelines make what the head, by its decoder, is trained on.

    Raises:
        DistilPoseError: a target is missing, which mmpose would say in the first iteration; names both codecs.
    """
    tree = ConfigTree.of(config)
    decoder = (tree.student.get('head') or {}).get('decoder')
    if 'train' not in tree.loaders or not isinstance(decoder, Mapping):
        return
    needed = _targets_of(decoder)
    steps = tree.of_type('GenerateTarget', 'train_dataloader')
    pipeline = (tree.cfg.get('train_dataloader') or {}).get('dataset', {}).get('pipeline') or ()
    if needed and pipeline and not steps and not any('Target' in type_name(step.get('type')) for _, step in
                                                     tree.below('train_dataloader')):
        raise DistilPoseError(f'train_dataloader.dataset.pipeline makes no targets, and model.head is trained on '
                              f'{" and ".join(sorted(needed))}; add dict(type=\'GenerateTarget\', encoder=...) before '
                              'the step that packs')
    for path, step in steps:
        encoders = step.get('encoder')
        if encoders is None:
            raise DistilPoseError(f'{path} has no encoder, the codec that makes targets of keypoints; give it that of '
                                  f'the head: {decoder["type"]}')
        several = list(encoders) if isinstance(encoders, (list, tuple)) else [encoders]
        made = [_targets_of(encoder) for encoder in several]
        if needed is None or any(targets is None for targets in made):
            continue
        missing = sorted(needed - set().union(*made))  # type: ignore[arg-type]
        if missing:
            kinds = ', '.join(type_name(one.get('type')) for one in several if isinstance(one, Mapping))
            raise DistilPoseError(f'{path}.encoder ({kinds}) makes no '
                                  f'{" and no ".join(missing)}, on which a head with a {decoder["type"]} as decoder is '
                                  'trained; give both the same codec')


def _targets_of(codec: Any) -> set[str] | None:
    """What a codec makes of keypoints; ``None`` for one that is not known here."""
    kind = codec.get('type') if isinstance(codec, Mapping) else None
    found = KEYPOINT_CODECS.get(kind) if isinstance(kind, str) else kind
    tables = [getattr(found, f'{name}_mapping_table', None) for name in ('label', 'field')]
    return None if None in tables else {target for table in tables for target in table}  # type: ignore[union-attr]


def check_schedules(config: Config | ConfigTree) -> None:
    """Looks for weights of terms that would wait for epochs in a run that counts iterations only.

    Raises:
        DistilPoseError: names the term.
    """
    tree = ConfigTree.of(config)
    loop = tree.cfg.get('train_cfg') or {}
    if loop.get('by_epoch', True) and 'max_iters' not in loop:
        return
    for name, term in (tree.model.get('terms') or {}).items():
        if term and term.get('by_epoch') and term.get('schedule') not in (None, 'constant'):
            raise DistilPoseError(f'model.terms.{name} changes its weight from epoch to epoch (by_epoch=True), and '
                                  f'train_cfg counts iterations; set model.terms.{name}.by_epoch=False')


def check_flip_test(config: Config | ConfigTree) -> None:
    """Reads the student's option of the flip test, which mmpose would read in the first validation.

    Raises:
        DistilPoseError: its value is none of those expected.
    """
    read_option(ConfigTree.of(config).student.get('test_cfg') or {})


def check_data_files(config: Config | ConfigTree, loaders: Sequence[str] | None = None) -> None:
    """Looks for the files that data sets and evaluators name.

    Args:
        config: with its final paths.
        loaders: which of ``'train'``, ``'val'``, ``'test'`` will be used; a tree knows its own.

    Raises:
        DistilPoseError: something is not there; says what, where it is named and how to name another place.
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
    for key in ('images', 'boxes') if dataset.get('type') == 'UnlabelledImages' else ():
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
        DistilPoseError: a file is not there; says which line names it.
    """
    tree = ConfigTree.of(config)
    named = {'load_from': tree.cfg.get('load_from')}
    for part in ('teacher', 'student') if tree.is_distillation else ():
        named[f'model.{part}.checkpoint'] = (tree.model.get(part) or {}).get('checkpoint')
    if tree.is_distillation:
        named['model.teacher.file'] = (tree.model.get('teacher') or {}).get('file')
    for key, value in named.items():
        if isinstance(value, str) and '://' not in value and not project_path(value).is_file():
            kind = 'ONNX file' if key == 'model.teacher.file' else 'checkpoint'
            is_folder = ' (it is a folder)' if project_path(value).is_dir() else ''
            raise DistilPoseError(f'there is no {kind} {project_path(value)}{is_folder}, which {key} names; put it '
                                  f'there, or say where it is with --cfg-options {key}=FILE')


CHECKS: tuple[Callable[[ConfigTree], None], ...] = (
    check_names,
    check_values,
    check_networks,
    check_loops,
    check_loaders,
    check_data_files,
    check_keypoints,
    check_evaluators,
    check_input_sizes,
    check_pipelines,
    check_targets,
    check_flip_test,
    check_schedules,
    check_numbers,
    check_mixed_data,
    check_checkpoint_files,
    check_annotations,
    check_image_files,
)


NEED_FILES = (check_data_files, check_checkpoint_files, check_annotations, check_image_files)
"""Those of :data:`CHECKS` that look at files of data and weights; the others need the config only."""


def check(cfg: Config, loaders: Sequence[str]) -> ConfigTree:
    """Applies all of :data:`CHECKS` to a config; the first that finds something wrong raises.

    The config is walked once, for all of them. A new check is a function of a
    :class:`~distilpose.config.tree.ConfigTree` and a line in :data:`CHECKS`. What is only unusual it adds to the
    tree's ``warnings``.

    Args:
        cfg: the config, with its final values.
        loaders: which of ``'train'``, ``'val'``, ``'test'`` will be used.

    Returns:
        The config's tree, with ``warnings`` for the log and the ``findings`` in annotation files.

    Raises:
        DistilPoseError: says what is wrong, where, and what to change.
    """
    tree = ConfigTree(cfg, loaders)
    for apply in CHECKS:
        apply(tree)
    return tree
