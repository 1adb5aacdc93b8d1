"""Old import paths: renamed modules and functions stay importable, with a DeprecationWarning that has the new."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULES = {
    'benchmark.ceilings': 'benchmark.machine',
    'benchmark.made_people': 'benchmark.synthetic_data',
    'benchmark.memory': 'benchmark.machine',
    'benchmark.networks': 'benchmark.inputs',
    'benchmark.parts': 'benchmark.timing',
    'benchmark.published_way': 'benchmark.reference',
    'checkpoints.published.distilpose': 'checkpoints.published.families',
    'checkpoints.published.hourglass': 'checkpoints.published.families',
    'checkpoints.published.hrnet': 'checkpoints.published.families',
    'checkpoints.published.mmpose0': 'checkpoints.published.families',
    'checkpoints.published.simdr': 'checkpoints.published.families',
    'checkpoints.published.source': 'checkpoints.published.families',
    'checkpoints.published.tokenpose': 'checkpoints.published.families',
    'checkpoints.stand_ins': 'checkpoints.unpickling_shims',
    'checkpoints.trust': 'checkpoints.signatures',
    'compare.colours': 'compare.palette',
    'compare.models': 'compare',
    'compare.style': 'compare.palette',
    'compare.words': 'compare.formatting',
    'complexity.exact': 'complexity.counting',
    'complexity.forward_pass': 'complexity.counting',
    'complexity.parameters': 'complexity.counting',
    'complexity.styles': 'complexity.published',
    'config.number_checks': 'config.value_checks',
    'datasets.hand_over': 'datasets.collate',
    'datasets.in_stages': 'datasets.staged_pipeline',
    'datasets.people_of_image': 'datasets.grouped_by_image',
    'datasets.progress': 'progress',
    'datasets.quick_coco': 'datasets.light_annotations',
    'datasets.synthetic': 'synthetic',
    'datasets.transforms.late_decoding': 'datasets.transforms.lazy_decoding',
    'datasets.transforms.load_image_once': 'datasets.transforms.image_cache',
    'datasets.transforms.quick_crop': 'datasets.transforms.single_person_crop',
    'distillation.labels': 'models.outputs',
    'distillation.parts': 'distillation.student_modules',
    'distillation.replay': 'distillation.student_modules',
    'distillation.teacher': 'distillation.teachers',
    'distillation.teacher_cache.slots': 'distillation.teacher_cache.store',
    'distillation.teacher_report.figures': 'distillation.teacher_report.metrics',
    'distillation.teachers.quick_copy': 'distillation.teachers.optimised_copy',
    'distillation.untrained': 'distillation.freezing',
    'engine.annotation_sheet': 'check.annotation_sheet',
    'engine.averaging': 'engine.weight_averaging',
    'engine.bare_model': 'engine.unwrapped_model',
    'engine.checking': 'check.training',
    'engine.checkpoint_search': 'engine.resuming.checkpoint_search',
    'engine.distilling': 'engine.distillation_config',
    'engine.downloads': 'engine.failures.downloads',
    'engine.failed_batch': 'engine.non_finite',
    'engine.file_check': 'check.file_check',
    'engine.first_batch': 'engine.failures.first_batch',
    'engine.fitting_weights': 'checkpoints.partial_loading',
    'engine.initial_config': 'initial_config',
    'engine.optim': 'engine.mixed_precision',
    'engine.refused_steps': 'engine.non_finite',
    'engine.resumed_optimizer': 'engine.resuming.optimizer',
    'engine.sample_page': 'check.sample_page',
    'engine.saving': 'engine.interim_checkpoints',
    'engine.teacher_crop': 'distillation.crop_pipelines',
    'engine.teacher_report': 'distillation.teacher_report',
    'evaluation.panels': 'compare.pictures',
    'models.backbones.hrnet_3stage': 'models.backbones.tokenpose',
    'models.backbones.raw_image': 'models.backbones.tokenpose',
    'models.backbones.stemnet': 'models.backbones.tokenpose',
    'models.heads.axis_classifier': 'models.heads.simcc',
    'models.heads.coordinate_loss': 'models.heads.coordinate_head',
    'models.heads.simdr_decoding': 'models.heads.simcc',
    'models.heads.tokenpose_simdr_head': 'models.heads.simdr_head',
    'models.layers.chained_token_encoder': 'models.layers.token_encoder',
    'models.layers.position': 'models.layers.token_encoder',
    'models.losses.reference_batch': 'models.losses.simcc',
    'models.losses.simdr': 'models.losses.simcc',
    'models.quick': 'models.optimised',
    'quickstart.showcase': 'compare.pictures',
    'report.figures': 'report.metrics',
    'report.intervals': 'report.dots',
}
"""Old -> new path of modules and packages, both below ``distilpose``; their submodules move along."""


def new_path(name: str) -> str | None:
    """The present path of a module, by its old one; ``None`` if the module was not renamed."""
    package, *parts = name.split('.')
    if package != 'distilpose':  # most imports of a process
        return None
    for end in range(len(parts), 0, -1):
        new = MODULES.get('.'.join(parts[:end]))
        if new is not None:
            return '.'.join([package, new, *parts[end:]])
    return None


class _Forwarding(MetaPathFinder, Loader):
    """Imports a renamed module under its old path: both paths are the same module object."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if new_path(name) else None

    def exec_module(self, module: ModuleType) -> None:
        new = new_path(module.__name__)
        assert new is not None  # find_spec has found it
        sys.modules[module.__name__] = importlib.import_module(new)
        warnings.warn(f'{module.__name__} is now {new}', DeprecationWarning, stacklevel=2)


def forward_modules() -> None:
    """Makes the old paths of :data:`MODULES` importable."""
    if not any(isinstance(finder, _Forwarding) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Forwarding())


def forward_names(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` for names that were renamed or moved.

    Args:
        module: ``__name__`` of the module that had the names.
        names: old name -> new dotted path, such as ``'distilpose.apis.optimise_for_inference'``.

    Raises:
        AttributeError: by what it returns, for any other name.
    """
    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f'module {module!r} has no attribute {name!r}')
        warnings.warn(f'{module}.{name} is now {names[name]}', DeprecationWarning, stacklevel=2)
        new_module, _, new_name = names[name].rpartition('.')
        return getattr(importlib.import_module(new_module), new_name)
    return get
