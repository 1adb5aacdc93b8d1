"""Teacher caches by person, for unaugmented views: whose outputs a training reads, and what they depend on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.runner import Runner
from mmpose.datasets.transforms import LoadImage

from ...datasets import TeacherCrop, UnlabelledImages
from ...datasets.person_keys import box_of, person_key
from ...datasets.transforms.cuts import UnaugmentedCut
from ...distillation.paired_teacher import PairedTeacher
from ...distillation.teacher_cache import FilledPeople, PersonCache, TeacherCache
from ...errors import DistilPoseError
from ...image_files import inspect_image
from ...slot_files import describe_bytes
from ..fingerprints import digest
from .crop_store import CropStoreHook, leaves
from .pipeline_switch import PipelineSwitchHook
from .teacher_cache_checks import facts_of_teacher


def keys_of(dataset: Any) -> list[int]:
    """Keys of the people of a training's data set, or of all that it combines or repeats.

    Raises:
        DistilPoseError: a data set does not say whom its samples show, or two images cannot be told apart.
    """
    keys: list[int] = []
    paths: dict[int, str] = {}
    for leaf, _ in leaves(dataset):
        if not hasattr(leaf, 'get_data_info'):
            raise DistilPoseError(f'a teacher cache needs to know the people of a data set before the training, and '
                                  f'{type(leaf).__name__} has no get_data_info; derive it from one of mmpose, or train '
                                  'without default_hooks.teacher_cache')
        for index in range(len(leaf)):
            sample = leaf.get_data_info(index)
            if isinstance(leaf, UnlabelledImages):
                facts = inspect_image(sample['img_path'])
                sample['bbox'] = leaf.corners(sample['box'], facts.width, facts.height)[None]
            path = sample.get('img_path')
            keys.append(person_key(path, *box_of(sample)))
            if path is not None and paths.setdefault(keys[-1], path) != path:
                raise DistilPoseError(f'a teacher cache by person cannot tell {path} from {paths[keys[-1]]}: the names '
                                      'of file and folder, the size of the file and the box are equal; rename one of '
                                      'the folders, or train without default_hooks.teacher_cache')
    return keys


def facts_of_people(runner: Runner, paired: PairedTeacher, *, dtype: str) -> dict[str, str]:
    """What a teacher's outputs for an unaugmented crop depend on beside the person: a phrase -> a short value."""
    steps = list(_steps(runner))
    cuts = [cut for cut in _cuts(steps) if paired.name in cut.teachers]
    loading = [step for step in steps if isinstance(step, LoadImage)]
    options = sorted({f'{step.color_type} {step.imdecode_backend}' for step in loading})
    if any(isinstance(hook, CropStoreHook) and hook.reduced for hook in runner.hooks):
        options.append('reduced by the crop store')
    images = paired.teacher.input
    return {
        **facts_of_teacher(paired, dtype=dtype, grid=paired.grids.teacher),
        "teacher's crop": ', '.join(sorted({f'{cut.size[0]}x{cut.size[1]}, padding {cut.padding:g}'
                                            f'{", UDP" * bool(cut.step.use_udp)}' for cut in cuts})),
        "teacher's colours": digest([images.mean, images.std, images.rgb]),
        'decoding of images': ', '.join(options),
    }


def attach_caches(runner: Runner, caches: Mapping[str, TeacherCache]) -> None:
    """Lets the pipelines of a training leave out crops whose outputs are in the caches by person."""
    filled = {name: FilledPeople(cache.store, cache.table) for name, cache in caches.items()
              if isinstance(cache, PersonCache)}
    for cut in _cuts(_steps(runner)) if filled else ():
        cut.caches = {name: filled[name] for name in cut.teachers if name in filled}


def detach_caches(runner: Runner) -> None:
    """Lets the pipelines cut all crops again."""
    for cut in _cuts(_steps(runner)):
        cut.caches = {}


def describe_people(cache: TeacherCache, people: Sequence[int], *, filled: int) -> str:
    """What is kept, how large it is and how many of the people are in it, for the log."""
    size, count = cache.store.record_bytes, len(set(people))
    return (f'The teacher cache {cache.store.folder} keeps {", ".join(cache.layout.fields)} of {count} people of this '
            f"training, for the teacher's own unaugmented crops: {describe_bytes(size)} each, "
            f'{describe_bytes(size * count)} in all. {filled} of them are in it. The teacher runs once for each of the '
            'others, and no augmentation repeats.')


def _steps(runner: Runner) -> Iterator[Any]:
    """Those of the pipelines of a training, also of one that is switched to."""
    for _, steps in leaves(runner.train_dataloader.dataset):
        yield from steps
    for hook in runner.hooks:
        if isinstance(hook, PipelineSwitchHook) and hook.pipeline is not None:
            yield from hook.pipeline.transforms


def _cuts(steps: Any) -> Iterator[UnaugmentedCut]:
    for step in steps:
        if isinstance(step, TeacherCrop):
            yield from (cut for cut in step.cuts if isinstance(cut, UnaugmentedCut))
