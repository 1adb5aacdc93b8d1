"""The model of a config: modules of a distillation, input sizes, targets of the head, flip test and term schedules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mmengine.config import Config
from mmpose.registry import KEYPOINT_CODECS

from distilpose.errors import DistilPoseError
from distilpose.host.speedups.tta import read_option

from .named_teachers import check_share
from .tree import ConfigTree
from .walk import type_name

_SIZES = ('input_size', 'heatmap_size', 'simcc_split_ratio', 'heatmap_type')
_MODULES_OF_A_DISTILLATION = dict(
    student='dict(config=...), or a model dict',
    teacher="dict(config=..., checkpoint=...), or dict(type='OnnxTeacher', file=...)",
    teachers='a dictionary of teachers by name, such as dict(hands=dict(config=..., checkpoint=...))',
    terms="a dictionary of terms by name, such as dict(heatmaps=dict(type='HeatmapTerm'))")


class _Size(NamedTuple):
    """A value of a size, and its entry in the config."""

    where: str
    value: Any
    codec: str | None = None


def check_networks(config: Config | ConfigTree) -> None:
    """Looks at the forms of a distillation's student, teacher or teachers, and terms.

    Raises:
        DistilPoseError: one is missing or of another form, with what was expected.
    """
    tree = ConfigTree.of(config)
    if not tree.is_distillation:
        return
    several = tree.model.get('teachers') is not None
    for name in ('student', 'teachers' if several else 'teacher', 'terms'):
        found = tree.model.get(name)
        if name == 'terms' and several and found is None:
            continue  # each teacher may have its own
        if not (isinstance(found, Mapping) or (name == 'teacher' and _is_built(found))):
            _refuse_form(f'model.{name}', found, name in tree.model, expected=_MODULES_OF_A_DISTILLATION[name])
    for name, teacher in tree.model['teachers'].items() if several else ():
        if not (teacher is None or isinstance(teacher, Mapping) or _is_built(teacher)):
            _refuse_form(f'model.teachers.{name}', teacher, True, expected=_MODULES_OF_A_DISTILLATION['teacher'])
        check_share(name, teacher)
        terms = teacher.get('terms') if isinstance(teacher, Mapping) else None
        if not (terms is None or isinstance(terms, Mapping)):
            _refuse_form(f'model.teachers.{name}.terms', terms, True, expected=_MODULES_OF_A_DISTILLATION['terms'])


def _is_built(teacher: Any) -> bool:
    """Whether a program put a teacher itself into the config."""
    return callable(getattr(teacher, 'outputs', None))


def _refuse_form(entry: str, found: Any, is_there: bool, *, expected: str) -> None:
    raise DistilPoseError(f'{entry} of a PoseDistiller {f"is {found!r}" if is_there else "is missing"}; expected '
                          f'{expected}')


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
        kind = type_name(step.get('type'))
        if kind in ('TopdownAffine', 'DecodingTopdownAffine') and 'input_size' in step:
            yield 'input_size', _Size(f'{path}.input_size', _plain(step['input_size']))
        if kind == 'GenerateTarget':
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
        DistilPoseError: a target is missing, which mmpose would report in the first iteration; names both codecs.
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
        encoded = [_targets_of(encoder) for encoder in several]
        if needed is None or any(targets is None for targets in encoded):
            continue
        missing = sorted(needed - set().union(*encoded))  # type: ignore[arg-type]
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
    for entry, term in _scheduled(tree.model):
        if term.get('by_epoch') and term.get('schedule') not in (None, 'constant'):
            raise DistilPoseError(f'{entry} changes its weight from epoch to epoch (by_epoch=True), and '
                                  f'train_cfg counts iterations; set {entry}.by_epoch=False')


def _scheduled(model: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Terms, and teachers of several with their own terms, by their entries."""
    yield from ((f'model.terms.{name}', term) for name, term in (model.get('terms') or {}).items() if term)
    for name, teacher in (model.get('teachers') or {}).items():
        if isinstance(teacher, Mapping):
            entry = f'model.teachers.{name}'
            yield entry, teacher
            yield from ((f'{entry}.terms.{term}', options) for term, options in (teacher.get('terms') or {}).items()
                        if options)


def check_flip_test(config: Config | ConfigTree) -> None:
    """Reads the student's option of the flip test, which mmpose would read in the first validation.

    Raises:
        DistilPoseError: its value is none of those expected.
    """
    read_option(ConfigTree.of(config).student.get('test_cfg') or {})
