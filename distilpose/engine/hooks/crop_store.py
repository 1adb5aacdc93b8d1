"""Crop store of a training: images are decoded once and read from disk afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...checkpoints.integrity import sha256_of
from ...config.fast_data import use_fast_data
from ...crop_store import CropPlan, CropStore, FindStoredCrop, Reach
from ...datasets import DecodingTopdownAffine, LoadEncodedImage, UnlabelledImages
from ...errors import DistilPoseError
from ...host.data_files import LOCAL_BACKENDS
from ...image_files import inspect_image
from ...slot_files import HEADER, HeaderFile, describe_bytes
from ..fingerprints import annotation_files, digest

_HEADER = HeaderFile('crop store', format=1, check=lambda header: int(header['plan']))  # type: ignore[arg-type]
_REMEDY = ("put train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = "
           "with_fast_data(_base_, crops='FOLDER') into the config, or train without a crop store")


@HOOKS.register_module()
class CropStoreHook(Hook):
    """Stores what the augmentation can reach of every training image, decoded, and trains on that.

    It is idle without a folder. Each image is decoded when it is first read, so that the first epoch fills the store,
    and a run that is killed continues where it was. Several processes and trainings share a folder as long as data,
    augmentation before the crop and proportions of the crop are the same; others are refused. Crops are those of the
    files; where the store does not reach, as for a teacher with a wider crop, the file is decoded.

    Args:
        folder: of the store, from the current directory; by default that of the pipeline's step ``LoadEncodedImage``.
            A training with a folder here has its pipelines changed as by ``with_fast_data``.
        reduced: store means of 2x2, 4x4 or 8x8 pixels of images whose people all have as many pixels for each of
            their crops'. Crops are not quite those of the files then.
    """

    priority = 'LOW'  # after a hook that switches pipelines

    def __init__(self, folder: str | None = None, *, reduced: bool = False) -> None:
        self.folder, self.reduced = folder, reduced
        self.opened: list[OpenedStore] = []

    def before_train(self, runner: Runner) -> None:
        """Opens the store and logs its size.

        Raises:
            DistilPoseError: the pipeline cannot use it, it is of other data, or the disk is too small.
        """
        dataset = runner.train_dataloader.dataset
        folder = self.folder or folder_of(dataset)
        if folder is not None:
            self.opened = open_crop_stores(dataset, folder, reduced=self.reduced, log=runner.logger.info)

    def before_train_epoch(self, runner: Runner) -> None:
        """Reads the store in a pipeline that was switched to as well."""
        for one in self.opened:
            one.attach()

    def after_train(self, runner: Runner) -> None:
        """Closes the store and logs how much of it is filled."""
        if self.opened:
            filled, size = (sum(getattr(one.store, name) for one in self.opened)
                            for name in ('bytes_filled', 'bytes_in_all'))
            runner.logger.info(f'{describe_bytes(filled)} of {describe_bytes(size)} of the crop store are filled.')
        for one in self.opened:
            one.detach()
        self.opened = []


@dataclass(frozen=True)
class OpenedStore:
    """The store of a data set."""

    dataset: Any
    store: CropStore

    def attach(self) -> None:
        """Lets the data set read it."""
        if isinstance(self.dataset, UnlabelledImages):
            self.dataset.crops = self.store
        elif not any(isinstance(step, FindStoredCrop) for step in self.dataset.pipeline.transforms):
            self.dataset.pipeline.transforms.insert(0, FindStoredCrop(self.store))

    def detach(self) -> None:
        """Lets the data set read files again."""
        if isinstance(self.dataset, UnlabelledImages):
            self.dataset.crops = None
        else:
            steps = self.dataset.pipeline.transforms
            steps[:] = [step for step in steps if not isinstance(step, FindStoredCrop)]
        self.store.close()


def use_crop_store(cfg: Config) -> None:
    """Lets the pipelines of a training with a crop store decode at the crop, in place; the samples stay the same.

    Raises:
        DistilPoseError: they cannot; with the reason.
    """
    if ((cfg.get('default_hooks') or {}).get('crop_store') or {}).get('folder') is not None:
        reason = use_fast_data(cfg)
        if reason is not None:
            raise DistilPoseError(f'default_hooks.crop_store has a folder, and {reason}, so that no crops can be '
                                  'stored; move such a step behind the crop, or train without a crop store')


def folder_of(dataset: Any) -> str | None:
    """The folder that the step LoadEncodedImage of a data set names."""
    folders = {step.crops for _, steps in leaves(dataset) for step in steps
               if isinstance(step, LoadEncodedImage) and step.crops}
    if len(folders) > 1:
        raise DistilPoseError(f'the pipelines of a training name several crop stores ({", ".join(sorted(folders))}); '
                              'name one folder, in which each data set has its own')
    return next(iter(folders), None)


def open_crop_stores(dataset: Any, folder: str | Path, *, reduced: bool = False,
                     log: Callable[[str], Any]) -> list[OpenedStore]:
    """Opens or begins the crop store of a data set, and lets the data set read it.

    Args:
        dataset: of a training, or several that are combined; each has a folder of its own in the store's.
        folder: of the store.
        reduced: see :class:`CropStoreHook`.
        log: is called with the size, before anything is written.

    Raises:
        DistilPoseError: as :meth:`CropStoreHook.before_train`.
    """
    root = Path(folder).expanduser().absolute()
    planned = []
    for number, (leaf, steps) in enumerate(leaves(dataset)):
        place = root / str(number)
        reach = _reach_of(leaf, steps)
        facts = _facts_of(leaf, reach, reduced=reduced)
        planned.append((leaf, place, facts, _find_plan(leaf, steps, place, facts, reach, reduced=reduced)))
    filled = sum(_bytes_on_disk(place / 'pixels.bin') for _, place, _, _ in planned)
    _check_room(root, [plan for *_, plan in planned], filled=filled, log=log)
    opened = []
    for leaf, place, facts, plan in planned:
        found = _HEADER.agree(place, facts, plan=plan.checksum())
        if found['plan'] != plan.checksum():
            raise DistilPoseError(f'the crop store {place} was made for images of other sizes or with other people; '
                                  'name another folder for this run, or delete that one')
        plan.write(place)
        opened.append(OpenedStore(leaf, CropStore(place, plan)))
    for one in opened:
        one.attach()
    return opened


def leaves(dataset: Any, behind: Sequence[Any] = ()) -> Iterator[tuple[Any, list[Any]]]:
    """Data sets that are not made of others, each with the steps that its samples go through."""
    steps = [*getattr(getattr(dataset, 'pipeline', None), 'transforms', ()), *behind]
    inner = getattr(dataset, 'dataset', None)
    parts = [*(getattr(dataset, 'datasets', None) or ()), *([] if inner is None else [inner])]
    for part in parts:
        yield from leaves(part, steps)
    if not parts:
        yield dataset, steps


def _reach_of(dataset: Any, steps: Sequence[Any]) -> Reach:
    kinds = [type(getattr(step, 'crop', step)) for step in steps]
    if DecodingTopdownAffine not in kinds or not hasattr(dataset, 'get_data_info') or not (
            LoadEncodedImage in kinds or isinstance(dataset, UnlabelledImages)):
        raise DistilPoseError(f'a crop store needs the steps LoadEncodedImage and DecodingTopdownAffine, and the '
                              f'pipeline of {type(dataset).__name__} has {", ".join(kind.__name__ for kind in kinds)}; '
                              f'{_REMEDY}')
    for step in steps:
        if getattr(step, 'backend_args', None) not in LOCAL_BACKENDS:
            raise DistilPoseError('a crop store needs images on a disk of this machine, and '
                                  f'{type(step).__name__} has backend_args={step.backend_args!r}; copy them, or train '
                                  'without a crop store')
    return Reach(steps)


def _facts_of(dataset: Any, reach: Reach, *, reduced: bool) -> dict[str, str]:
    """What all stored pixels depend on; no paths, so that data and store can be moved."""
    files = [sha256_of(file) for file in annotation_files(dataset)]
    boxes = [Path(getattr(dataset, 'data_root', '') or '', file) for file in
             (getattr(dataset, name, None) for name in ('bbox_file', 'boxes')) if isinstance(file, str) and file]
    choice = [getattr(dataset, name, None) for name in ('_indices', 'filter_cfg', 'sample_interval', 'part', 'every')]
    size = 'x'.join(map(str, reach.crops[0].size))
    return {
        'annotation file': digest([*files, *(sha256_of(file) for file in boxes if file.is_file())]),
        'number of samples': str(len(dataset)),
        'choice of samples': digest(choice),
        'reach of the augmentation': reach.describe(),
        'resolution': f'reduced for crops of {size}' if reduced else 'that of the images',
    }


def _find_plan(dataset: Any, steps: Sequence[Any], folder: Path, facts: dict[str, str], reach: Reach, *,
               reduced: bool) -> CropPlan:
    """The plan of a store that is there and was made for the same, else a new one."""
    if (folder / HEADER).exists():
        found = _HEADER.agree(folder, facts)
        plan = CropPlan.read(folder, samples=len(dataset), checksum=found['plan'])
        if plan is not None:
            return plan
    converters = [step for step in steps if type(step).__name__ == 'KeypointConverter']
    first = _sample(dataset, 0, converters) if len(dataset) else {}
    halves = [first[name] for name in ('upper_body_ids', 'lower_body_ids')] if reach.half_body is not None and not (
        isinstance(dataset, UnlabelledImages)) else []
    return CropPlan.of((_sample(dataset, index, converters) for index in range(len(dataset))), reach, halves=halves,
                       reduced=reduced, count=len(dataset))


def _sample(dataset: Any, index: int, converters: Sequence[Callable]) -> dict[str, Any]:
    """The input of the steps that change boxes, without the image."""
    sample = dataset.get_data_info(index)
    if '://' in str(sample.get('img_path')):
        raise DistilPoseError(f'a crop store needs images on a disk of this machine, and {sample["img_path"]} is '
                              'elsewhere; copy them, or train without a crop store')
    if isinstance(dataset, UnlabelledImages):
        facts = inspect_image(sample['img_path'])
        bbox = dataset.corners(sample['box'], facts.width, facts.height)
        return dict(sample, bbox=bbox[None])
    for convert in converters:
        sample = convert(sample)
    return sample


def _check_room(folder: Path, plans: Sequence[CropPlan], *, filled: int, log: Callable[[str], Any]) -> None:
    """Logs the size, and compares what is still needed with what the disk has.

    Raises:
        DistilPoseError: it is too much.
    """
    size = sum(int(plan.lengths.sum()) for plan in plans)
    people = sum(len(plan.image_of_sample) for plan in plans)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    text = (f'{describe_bytes(size)}, {describe_bytes(size / max(people, 1))} for each of {people} people on '
            f'{sum(len(plan.names) for plan in plans)} images')
    log(f'The crop store {folder} has {text}, of which {describe_bytes(min(filled, size))} are filled; the disk has '
        f'{describe_bytes(free)} left. Images are decoded and stored when they are first read.')
    if size - min(filled, size) > free:
        raise DistilPoseError(f'the crop store {folder} needs {text}, of which {describe_bytes(min(filled, size))} are '
                              f'there, and the disk has {describe_bytes(free)} left; name a folder on another disk, '
                              'set default_hooks.crop_store.reduced=True, or train without it')


def _bytes_on_disk(file: Path) -> int:
    return file.stat().st_blocks * 512 if file.exists() else 0
