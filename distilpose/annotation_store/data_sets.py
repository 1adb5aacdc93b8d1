"""Data sets that read stored annotations: what replaces methods of mmpose's ``BaseCocoStyleDataset``.

A data set takes part if all of its methods that read annotations are mmpose's own. Every other one, and every file
that is not stored, runs as before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.datasets.datasets.wholebody import CocoWholeBodyDataset

from distilpose.host import data_files, xtcoco
from distilpose.host.image_paths import accept_images

from .checking import stored_file
from .stored_file import StoredFile
from .stored_people import Annotated, Detected, PickledPeople, Sample, StoredPeople, WholeBody

_OWN_METHODS = ('_load_annotations', '_load_detection_results', '_get_topdown_data_infos', '_is_valid_instance',
                'filter_data', 'full_init', '_get_unserialized_subset', '_serialize_data', '_get_serialized_subset')
_WHOLE_BODY = 'in_whole_body'
_MARK = 'takes_stored_people'
_ORIGINAL: dict[str, Callable[..., Any]] = {}
"""Method -> what it was before :func:`install`."""


def takes_stored_people(load_data_list: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a ``load_data_list`` whose ``super().load_data_list()`` may return :class:`StoredPeople`."""
    setattr(load_data_list, _MARK, True)
    return load_data_list


def reads_store(kind: type, *, data_mode: str = 'topdown') -> bool:
    """Whether data sets of a class read stored annotations, where there are some."""
    if not (issubclass(kind, BaseCocoStyleDataset) and data_mode == 'topdown' and _ORIGINAL and xtcoco.is_used()):
        return False
    methods: Any = kind
    parsers: list[Callable[..., Any]] = [BaseCocoStyleDataset.parse_data_info, CocoWholeBodyDataset.parse_data_info]
    return (all(getattr(kind, name) is getattr(BaseCocoStyleDataset, name) for name in _OWN_METHODS)
            and methods.parse_data_info in parsers
            and (methods.load_data_list is BaseCocoStyleDataset.load_data_list
                 or getattr(methods.load_data_list, _MARK, False)))


def people_column(kind: type) -> str:
    """The column that marks the stored people which a class of data sets uses."""
    methods: Any = kind
    return _WHOLE_BODY if methods.parse_data_info is CocoWholeBodyDataset.parse_data_info else 'in_body'


def stored_people(dataset: Any) -> StoredPeople | None:
    """The people of an initialised data set that reads stored annotations."""
    data = getattr(dataset, 'data_bytes', None)
    return data.people if isinstance(data, PickledPeople) else None


def install() -> None:
    """Lets mmpose's data sets read stored annotations."""
    for name, new in dict(load_data_list=load_data_list, _serialize_data=_serialize_data,
                          _get_serialized_subset=_get_serialized_subset).items():
        _ORIGINAL[name] = getattr(BaseCocoStyleDataset, name)
        setattr(BaseCocoStyleDataset, name, new)
    _ORIGINAL['get_data_info'] = BaseDataset.get_data_info
    BaseDataset.get_data_info = get_data_info  # by its class, as that of mmpose calls this one


def get_data_info(self: Any, idx: int) -> Sample:
    """A sample, which belongs to the caller; from stored annotations without being pickled."""
    people = stored_people(self)
    if people is None:
        return _ORIGINAL['get_data_info'](self, idx)
    sample = people[idx]
    sample['sample_idx'] = idx if idx >= 0 else len(people) + idx
    return sample


def load_data_list(self: Any) -> Sequence[dict[str, Any]]:
    """The samples of a data set, from stored annotations where there are some."""
    people = _stored(self) if reads_store(type(self), data_mode=self.data_mode) else None
    if people is None:
        return _ORIGINAL['load_data_list'](self)
    accept_images(self, people.images())
    return people if self.serialize_data and self.filter_cfg is None else list(people)


def _stored(dataset: Any) -> StoredPeople | None:
    prefix = dataset.data_prefix.get('img')
    file = stored_file(dataset.ann_file) if isinstance(prefix, str) else None
    if file is None or file.kind != 'annotations':
        return None
    people = _detected(dataset, file, prefix) if dataset.bbox_file else _annotated(dataset, file, prefix)
    if people is not None:
        data_files.say_zeroed(file.facts.get('zeroed', 0), dataset.ann_file)
        if file.facts['categories'] is not None:
            dataset._metainfo['CLASSES'] = _classes(file.facts['categories'])
    return people


def _annotated(dataset: Any, file: StoredFile, prefix: str) -> StoredPeople | None:
    column = people_column(type(dataset))
    if not file.has(column):
        return None
    is_used = np.array(file.column(column), dtype=bool)
    if dataset.sample_interval != 1:
        is_used &= (file.column('image_id') % dataset.sample_interval == 0)[file.column('person_image')]
    return StoredPeople((WholeBody if column == _WHOLE_BODY else Annotated)(file, prefix), np.flatnonzero(is_used))


def _detected(dataset: Any, file: StoredFile, prefix: str) -> StoredPeople | None:
    boxes = stored_file(dataset.bbox_file)
    if boxes is None or boxes.kind != 'detections' or file.facts['categories'] is None or (
            not len(file.column('image_id'))):
        return None
    make = Detected(file, boxes, prefix, num_keypoints=dataset.metainfo['num_keypoints'])
    return StoredPeople(make, np.arange(len(boxes.column('score')))) if make.has_all_images else None


def _classes(categories: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The categories as xtcocotools gives them."""
    coco = xtcoco.COCO()
    coco.dataset = dict(categories=categories)
    coco.createIndex()
    return coco.loadCats(coco.getCatIds())


def _serialize_data(self: Any) -> tuple[Any, np.ndarray]:
    """Samples of stored annotations stay where they are; others are pickled as by mmengine."""
    if not isinstance(self.data_list, StoredPeople):
        return _ORIGINAL['_serialize_data'](self)
    people, self.data_list = PickledPeople(self.data_list), []
    return people, people.addresses


def _get_serialized_subset(self: Any, indices: Sequence[int] | int) -> tuple[Any, np.ndarray]:
    """A part of the samples, as mmengine's method of this name."""
    people = stored_people(self)
    if people is None:
        return _ORIGINAL['_get_serialized_subset'](self, indices)
    count = len(people)
    if isinstance(indices, int):
        if not -count <= indices < count:
            raise AssertionError(f'{indices} is out of dataset length({count})')  # as mmengine's
        part = people[:indices] if indices >= 0 else people[indices:]
    elif isinstance(indices, Sequence):
        if not all(-count <= index < count for index in indices):
            raise AssertionError(f'indices are out of dataset length({count})')
        part = people.take(indices)
    else:
        raise TypeError(f'indices should be a int or sequence of int, but got {type(indices)}')
    pickled = PickledPeople(part)
    return pickled, pickled.addresses

