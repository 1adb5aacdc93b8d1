"""Text of the initial config: the student's config as its base, with data, keypoints and batch size replaced."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..config import find_config, read_config
from ..config.walk import is_distillation, type_name
from ..datasets.coco_guess import CocoFile
from ..distillation.leaf_config import as_code
from ..errors import DistilPoseError

_BODY = 'distilpose::body/2d_kpt_sview_rgb_img'
STUDENTS = {
    'small': 'distilpose::own_data/resnet18_128x128.py',
    'resnet50': f'{_BODY}/simdr/coco/heatmap_res50_coco_256x192.py',
    'hrnet-w32': f'{_BODY}/simdr/coco/heatmap_hrnet_w32_coco_256x192.py',
    'simdr-resnet50': f'{_BODY}/simdr/coco/simdr_res50_coco_256x192.py',
    'rtmpose-t': f'{_BODY}/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py',
    'rtmpose-s': f'{_BODY}/rtmpose/coco/rtmpose-s_8xb256-420e_coco-256x192.py',
    'rtmpose-m': f'{_BODY}/rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py',
    'distilpose-s': f'{_BODY}/distilpose/coco/stemnet_coco_256x192.py'}
"""Name -> config; the first starts from random weights, most others from weights that are downloaded."""
_ITERATIONS = 8
"""Of an epoch, at least, as far as batches of :data:`_SMALLEST_BATCH` allow."""
_SMALLEST_BATCH = 4
_WIDTH = 112
"""Of a line of the config, in characters."""


@dataclass(frozen=True)
class DataPart:
    """The training or the validation data."""

    file: CocoFile
    path: Path
    images: Path
    source: str

    def describe(self) -> str:
        content = self.file.content
        return (f'{len(self.file.labelled)} annotations with keypoints on {len(content["images"])} images, '
                f'{self.path} ({self.source})')


@dataclass(frozen=True)
class BaseConfig:
    """The config below."""

    name: str
    cfg: Config

    @classmethod
    def read(cls, student: str) -> BaseConfig:
        if student in STUDENTS:
            name = STUDENTS[student]
        elif '/' not in student and not student.endswith('.py') and '::' not in student:
            raise DistilPoseError(f'--student is {student!r}; expected {", ".join(STUDENTS)}, or a config')
        else:
            name = student if '::' in student else find_config(student, from_here=True)
        cfg = read_config(name)
        if is_distillation(cfg.get('model')):
            raise DistilPoseError(f'--student {student} is a distillation; name the config of its student, and the '
                                  'teacher in the training: distilpose train CONFIG --teacher TEACHER')
        for key in ('train_dataloader', 'val_dataloader', 'val_evaluator'):
            if not cfg.get(key):
                raise DistilPoseError(f'--student {student} has no {key}; expected a config that trains on COCO')
        return cls(name, cfg)

    def batch_size(self, people: int) -> int:
        """Of the config, or the power of two that gives :data:`_ITERATIONS` an epoch."""
        largest = max(_SMALLEST_BATCH, 1 << (max(people // _ITERATIONS, 1).bit_length() - 1))
        return min(int(self.cfg.train_dataloader.batch_size), largest)

    def describe(self, student: str, batch: int, people: int) -> str:
        epochs = (self.cfg.get('train_cfg') or {}).get('max_epochs', '?')
        others = ', '.join(name for name in STUDENTS if name != student)
        return (f'{student}, {self.name.rpartition("/")[2]}: {epochs} epochs of {-(-people // batch)} batches of '
                f'{batch} (others: {others}, or any top-down config, with --student)')

    def loader(self, name: str, changes: Mapping[str, str]) -> str:
        """The dataset of a loader as code; that of a base which reads another form is replaced."""
        dataset = self.cfg[f'{name}_dataloader']['dataset']
        entries = ', '.join(f'{key}={value}' for key, value in changes.items())
        if type_name(dataset.get('type')) in ('CocoDataset', 'QuickCocoDataset'):
            return f'dict(\n    {entries})'
        mode = '' if name == 'train' else ' test_mode=True,'
        return (f"dict(\n    _delete_=True, type='CocoDataset', data_mode='topdown',{mode}\n    {entries},\n"
                f'    pipeline=_base_.{name}_dataloader.dataset.pipeline)')

    def evaluator(self, file: str, *, has_areas: bool) -> str:
        found = self.cfg.val_evaluator
        is_coco = isinstance(found, Mapping) and type_name(found.get('type')) == 'CocoMetric'
        area = '' if has_areas else ', use_area=False'
        start = '' if is_coco and 'gt_converter' not in found else "_delete_=True, type='CocoMetric', "
        return f'dict({start}ann_file={file}{area})'

    def more(self) -> str:
        """``save_best`` by a metric of this evaluator."""
        best = str(((self.cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('save_best', 'auto'))
        if best == 'auto' or best.startswith('coco/'):
            return ''
        return "default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))\n"


def config_text(base: BaseConfig, keypoints: Mapping[str, Any], parts: Sequence[DataPart], *, batch: int,
                folder: Path) -> str:
    """The config; paths below its folder start from there, others are absolute."""
    root = Path(os.path.commonpath([path for part in parts
                                    for path in (part.path.absolute().parent, part.images.absolute())]))
    inner = os.path.relpath(root, folder)
    place = str(root) if inner.startswith('..') else ('{{ fileDirname }}' + (f'/{inner}' if inner != '.' else ''))

    def dataset(name: str, part: DataPart) -> str:
        annotations, images = (os.path.relpath(path.absolute(), root) for path in (part.path, part.images))
        changes = dict(data_root='data_root', ann_file=repr(annotations),
                       data_prefix=f'dict(img={"" if images == "." else images + "/"!r})')
        return base.loader(name, changes if name == 'train' else {**changes, 'bbox_file': 'None'})

    own = ',\n    '.join(_wrapped(key, value) for key, value in keypoints.items())
    annotations = f'data_root + {os.path.relpath(parts[1].path.absolute(), root)!r}'
    return f"""# The keypoints are defined here, and data, model, flip test and evaluator take them from here.
_base_ = {base.name!r}
own_keypoints = dict(
    {own})
data_root = {place + '/'!r}
train_dataloader = dict(batch_size={batch}, dataset={dataset('train', parts[0])})
val_dataloader = dict(dataset={dataset('val', parts[1])})
test_dataloader = val_dataloader
val_evaluator = {base.evaluator(annotations, has_areas=parts[1].file.has_areas)}
test_evaluator = val_evaluator
{base.more()}"""


def _wrapped(key: str, value: Any) -> str:
    """An argument as code, with a line break before the item of a list that would be beyond the line."""
    if not isinstance(value, list):
        return f'{key}={as_code(value)}'
    lines = [f'{key}=[']
    for index, item in enumerate(value):
        code = as_code(item) + (', ' if index + 1 < len(value) else '')
        if len(lines[-1]) + len(code) > _WIDTH:
            lines[-1] = lines[-1].rstrip()
            lines.append(' ' * 8)
        lines[-1] += code
    return '\n'.join(lines) + ']'
