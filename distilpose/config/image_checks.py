"""Images that data sets of COCO's form name: whether they are there, can be read, and have the annotated size."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from distilpose.annotation_store.images import stored_images
from distilpose.annotations import PERSON, Findings
from distilpose.errors import DistilPoseError
from distilpose.host import data_files, xtcoco
from distilpose.image_files import ImageTable, check_images
from distilpose.image_files.checks import DEFAULT_SHARE, checked_share

from .tree import ConfigTree
from .walk import Node, class_of, dictionaries, type_name

_NOT_TURNED = ('unchanged', 'color_ignore_orientation', 'grayscale_ignore_orientation')


def check_image_files(config: Config | ConfigTree) -> None:
    """Looks for the images of all data sets that read annotations of COCO's form, and at their headers.

    Of the first process of a machine, for all of them. Data sets of other forms, and images that are not files of this
    machine, are left to the training (:class:`~distilpose.engine.hooks.SkippedImagesHook`).

    The tree gets ``findings`` and ``warnings``.

    Raises:
        DistilPoseError: images are missing, cannot be read or have another size than annotated: in a training set more
            than ``default_hooks.skipped_images.max_share`` of them, else any that cannot be read.
    """
    tree = ConfigTree.of(config)
    if os.environ.get('LOCAL_RANK', os.environ.get('SLURM_LOCALID', '0')) != '0':
        return
    share = max_share_of(tree.cfg)
    try:
        for loader in tree.loaders:
            tables = (_table(path, dataset) for path, dataset in tree.below(f'{loader}_dataloader'))
            for table in filter(None, tables):
                warnings = check_images(table, max_share=share, is_training=loader == 'train')
                tree.findings += [Findings(table.source, warnings=tuple(warnings))] if warnings else []
                tree.warnings += [warning.sentence for warning in warnings]
    except DistilPoseError:
        data_files.forget_kept_files()
        raise


def max_share_of(cfg: Mapping[str, Any]) -> float:
    """Which part of the images of a training may be broken.

    Raises:
        DistilPoseError: it is no such number.
    """
    hook = (cfg.get('default_hooks') or {}).get('skipped_images') or {}
    return checked_share(hook.get('max_share', DEFAULT_SHARE))


def reads_coco(kind: Any) -> bool:
    """Whether a class of data sets reads images and people of COCO's form by functions of mmpose or of this package."""
    return issubclass(kind, BaseCocoStyleDataset) and (
        kind._load_annotations is BaseCocoStyleDataset._load_annotations) and all(
            method.__module__.partition('.')[0] in ('mmpose', 'distilpose')
            for method in (kind.load_data_list, kind.parse_data_info))


def _table(path: str, dataset: Mapping[str, Any]) -> ImageTable | None:
    """The images of a data set; ``None`` for one of another form or with images elsewhere."""
    name = dataset.get('ann_file')
    found: Any = class_of(DATASETS, dataset.get('type'))
    if not (isinstance(name, (str, Path)) and str(name) and isinstance(found, type) and reads_coco(found)):
        return None
    if dataset.get('lazy_init') or any(
            _plain(node.get(key)) not in data_files.LOCAL_BACKENDS for _, node in dictionaries(dataset, '')
            for key in ('backend_args', 'file_client_args')):
        return None
    root = str(dataset.get('data_root') or '')
    prefix = dataset.get('data_prefix') or {}
    folder = os.path.join(root, str(prefix if isinstance(prefix, str) else prefix.get('img') or ''))
    file = Path(root, name)
    boxes = dataset.get('bbox_file')
    if ':' in folder or not _is_here(file) or (boxes and not _is_here(Path(boxes))):
        return None
    is_turned = not any(_ignores_orientation(step) for step in dictionaries(dataset.get('pipeline') or (), ''))
    stored = stored_images(found, dataset, file)
    if stored is not None:
        return ImageTable(str(file), path, folder, stored.names, stored.ids, None if boxes else stored.sizes,
                          lambda place: stored.boxes[place].tolist(), is_turned, root or None)
    content = data_files.read_annotations(file, keep=xtcoco.is_used())
    return used_images(content, dataset, source=str(file), named_by=path, folder=folder, root=root or None,
                       is_turned=is_turned)


def _is_here(file: Path) -> bool:
    return ':' not in str(file) and file.is_file()


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _ignores_orientation(step: Node) -> bool:
    return type_name(step[1].get('type')) == 'LoadImage' and step[1].get('color_type') in _NOT_TURNED


@data_files.without_garbage_collection()
def used_images(content: Mapping[str, Any], dataset: Mapping[str, Any], *, source: str, named_by: str,
                folder: str, root: str | None = None, is_turned: bool = True) -> ImageTable:
    """The images that a data set of COCO's form reads.

    Args:
        content: of the annotation file.
        dataset: its config: ``bbox_file``, ``data_mode``, ``indices``, ``sample_interval`` and ``test_mode`` choose.
        source: see :class:`~distilpose.image_files.ImageTable`, as for the rest.
    """
    people: dict[Any, list[Sequence[float]]] = {}
    for image, box in _used_boxes(content, dataset):
        people.setdefault(image, []).append(box)
    interval = int(dataset.get('sample_interval') or 1)
    takes_all = dataset.get('data_mode') == 'bottomup' and dataset.get('test_mode')
    images = [image for image in content['images'] if (takes_all or image['id'] in people)
              and (interval == 1 or image['id'] % interval == 0)]
    images = _first(images, dataset.get('indices'), people=people)
    has_sizes = not dataset.get('bbox_file') and all('width' in image and 'height' in image for image in images)
    boxes: Callable[[int], Sequence[Sequence[float]]] = lambda place: people.get(images[place]['id'], ())  # noqa: E731
    return ImageTable(
        source, named_by, folder, [image['file_name'] for image in images], [image['id'] for image in images],
        np.array([(image['width'], image['height']) for image in images], float).reshape(-1, 2) if has_sizes else None,
        boxes, is_turned, root)


def _used_boxes(content: Mapping[str, Any], dataset: Mapping[str, Any]) -> Iterator[tuple[Any, Sequence[float]]]:
    """Ids of images and boxes of the people that mmpose takes of them."""
    if dataset.get('bbox_file'):
        for box in data_files.read_json(dataset['bbox_file'], keep=True):
            if box.get('category_id') == PERSON:
                yield box.get('image_id'), box.get('bbox')
        return
    for person in content.get('annotations') or ():
        box = person.get('bbox')
        if 'keypoints' in person and not person.get('iscrowd') and person.get('num_keypoints') != 0 and (
                isinstance(box, list) and len(box) == 4 and box[2] > 0 and box[3] > 0):
            yield person.get('image_id'), box


def _first(images: list[Any], indices: Any, *, people: Mapping[Any, Sequence[Any]]) -> list[Any]:
    """The images of the people that ``indices`` of a data set takes: so many from the beginning or end, or a list."""
    if indices is None:
        return images
    owners = [place for place, image in enumerate(images) for _ in people.get(image['id'], ((), ))]
    if isinstance(indices, int):
        taken = owners[:indices] if indices >= 0 else owners[indices:]
    else:
        taken = [owners[index] for index in indices if -len(owners) <= index < len(owners)]
    return [images[place] for place in sorted(set(taken))]
