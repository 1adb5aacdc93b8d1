"""COCO-WholeBody metric: average precision of the whole body and of its parts."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmpose.evaluation.metrics import CocoWholeBodyMetric
from mmpose.registry import METRICS
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from distilpose.errors import DistilPoseError
from distilpose.host.speedups.keypoint_results import reads_by_load_res

PARTS = {
    'body': ('keypoints', slice(0, 17)),
    'foot': ('foot_kpts', slice(17, 23)),
    'face': ('face_kpts', slice(23, 91)),
    'lefthand': ('lefthand_kpts', slice(91, 112)),
    'righthand': ('righthand_kpts', slice(112, 133)),
}
"""Name of a part -> its field in an annotation, and its place among the 133 keypoints."""
FIGURES = ('AP', 'AP .5', 'AP .75', 'AP (M)', 'AP (L)', 'AR', 'AR .5', 'AR .75', 'AR (M)', 'AR (L)')
_NUM_KEYPOINTS = 133


@METRICS.register_module()
class WholeBodyPartsMetric(CocoWholeBodyMetric):
    """mmpose's ``CocoWholeBodyMetric`` which returns the figures of the parts, too, instead of printing them only.

    The ten figures of the whole body keep mmpose's names (``AP``, ``AP .5``, ... ``AR (L)``); those of a part are
    ``body/AP``, ``foot/AP``, ``face/AP``, ``lefthand/AP``, ``righthand/AP`` and so on. They are computed as by
    xtcocotools, with the published sigmas of the data set's metainfo: for a part a person counts when one of the
    part's keypoints is labelled (``lefthand_valid`` and its like are not read; the data set has zeros where they are
    false), the scale is the area of the whole person, also for ``(M)`` and ``(L)``, where a prediction is as large as
    its body's keypoints, and its score is that of the whole person. A figure without a single annotated person is NaN,
    where COCO's own code has -1.

    Args: those of ``CocoWholeBodyMetric``.

    Raises:
        DistilPoseError: the annotations are not of the whole body, or (when evaluating) the data set has other
            keypoints.
    """

    def __init__(self, ann_file: str | None = None, **options: Any) -> None:
        super().__init__(ann_file, **options)
        if self.coco is not None:
            _check_fields(self.coco, str(ann_file))

    @reads_by_load_res
    def _do_python_keypoint_eval(self, outfile_prefix: str) -> list[tuple[str, float]]:
        """Names and values of the figures, from the file of results that is there already."""
        sigmas = np.asarray(self.dataset_meta['sigmas'])
        if len(sigmas) != _NUM_KEYPOINTS:
            raise DistilPoseError(f'WholeBodyPartsMetric needs the {_NUM_KEYPOINTS} keypoints of COCO-WholeBody, the '
                                  f'validation data have {len(sigmas)}; use CocoWholeBodyDataset or UBodyDataset, or '
                                  'another metric')
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            found = self.coco.loadRes(f'{outfile_prefix}.keypoints.json')
            figures = {part: self._evaluate(found, part, sigmas[place]) for part, (_, place) in PARTS.items()}
            whole = self._evaluate(found, 'wholebody', sigmas)
        print_log(_table({**figures, 'wholebody': whole}), 'current')
        return [*zip(FIGURES, whole, strict=True),
                *((f'{part}/{name}', value) for part, values in figures.items()
                  for name, value in zip(FIGURES, values, strict=True))]

    def _evaluate(self, found: COCO, part: str, sigmas: np.ndarray) -> list[float]:
        """The ten figures of a part."""
        evaluation = COCOeval(self.coco, found, f'keypoints_{part}', sigmas, use_area=self.use_area)
        evaluation.params.useSegm = None
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        return [float('nan') if value == -1 else float(value) for value in evaluation.stats]


def _check_fields(coco: COCO, file: str) -> None:
    fields = [field for field, _ in PARTS.values()]
    for annotation in coco.dataset['annotations']:
        missing = [field for field in fields if field not in annotation]
        if missing:
            raise DistilPoseError(f'annotation {annotation.get("id")} of {file} has no {" and no ".join(missing)}; the '
                                  "metric needs COCO-WholeBody's file, such as annotations/coco_wholebody_val_v1.0.json"
                                  ': change val_evaluator.ann_file')


def _table(figures: dict[str, list[float]]) -> str:
    """Lines for the log, and one that names the parts without annotations."""
    lines = ['part       ' + ''.join(f'{name:>8}' for name in FIGURES)]
    lines += [f'{part:<11}' + ''.join(f'{value:8.4f}' for value in values) for part, values in figures.items()]
    absent = [part for part, values in figures.items() if np.isnan(values[0])]
    if absent:
        lines.append(f'no person in the annotations has a labelled keypoint of: {", ".join(absent)}; no figure can '
                     'be computed there')
    return '\n'.join(['average precision and recall of the parts', *lines])
