"""PCKh metric of MPII: percentage of correct keypoints, relative to the size of the head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmpose.evaluation.metrics import PCKAccuracy
from mmpose.registry import METRICS

from distilpose.errors import DistilPoseError

GROUPS = {'Head': ('head_top', ), **{part.capitalize(): (f'left_{part}', f'right_{part}')
                                     for part in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')}}
LEFT_OUT = ('pelvis', 'thorax')  # of the mean


@METRICS.register_module()
class PCKhMetric(PCKAccuracy):
    """The percentage of joints that are within a fraction of the head's size, as MPII's evaluation is published.

    A labelled joint is correct when ``distance / head size <= threshold``; the head's size is 0.6 of the diagonal of
    the head box, which the data set gives as ``head_size``. ``PCKh@0.5`` is the share of correct joints among all
    labelled joints but pelvis and thorax; ``Head@0.5``, ``Shoulder@0.5``, ``Elbow``, ``Wrist``, ``Hip``, ``Knee`` and
    ``Ankle`` are shares of one joint, averaged over left and right. A share is NaN when its joint is nowhere labelled.

    ``PCKh@0.11`` is what the HRNet code base, and with it FPD and TokenPose, prints as "Mean@0.1": it takes the
    twelfth entry of the thresholds 0, 0.01, 0.02, ... SimDR's and mmpose's is ``PCKh@0.1``.

    mmpose's ``MpiiPCKAccuracy`` has ``<``, adds 1 to predictions (for its 1-based keypoints, see
    :class:`~distilpose.datasets.ZeroBasedMpiiDataset`), leaves out people whose head box is empty, on whom nothing can
    be right, has no 0.11, and groups at one threshold. What it collects of a batch is used here unchanged.

    Args:
        thresholds: fractions of the head's size; the mean of the first is the first figure, by which ``save_best``
            ranks checkpoints.
        collect_device: as of mmengine's ``BaseMetric``.
        prefix: of the figures' names, ``mpii`` by default.
    """

    default_prefix = 'mpii'

    def __init__(self, *, thresholds: Sequence[float] = (0.5, 0.1, 0.11), collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(norm_item='head', collect_device=collect_device, prefix=prefix)
        if not thresholds or not all(threshold > 0 for threshold in thresholds):
            raise DistilPoseError(f'PCKhMetric has thresholds={thresholds}; give one or more positive fractions of the '
                                  "head's size, such as (0.5, 0.1)")
        self.thresholds = tuple(thresholds)

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Collects predictions and ground truth of a batch, both in image pixels.

        Raises:
            DistilPoseError: the data set gives no head sizes.
        """
        if any('head_size' not in sample['gt_instances'] for sample in data_samples):
            raise DistilPoseError(
                'PCKhMetric found no head sizes in the validation data; they come from the data set: set '
                "val_dataloader.dataset.headbox_file='annot/gt_valid.mat' and test_mode=True, or add a headbox to "
                'every person of the annotations')
        super().process(data_batch, data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The figures in percent, from what :meth:`process` collected of N people with K joints."""
        self._check_data()
        predicted, truth, labelled, sizes = (
            np.concatenate([result[name] for result in results])
            for name in ('pred_coords', 'gt_coords', 'mask', 'head_size'))
        with np.errstate(divide='ignore', invalid='ignore'):  # an empty head box: nothing is within it
            distances = np.linalg.norm(predicted.astype(float) - truth, axis=-1) / sizes[:, :1]
        counted, groups = self._joints(labelled.shape[1])
        counts = labelled.sum(axis=0)
        figures: dict[str, float] = {}
        for threshold in self.thresholds:
            hits = ((distances <= threshold) & labelled).sum(axis=0)
            figures[f'PCKh@{threshold:g}'] = float(_percent(hits[counted].sum(), counts[counted].sum()))
            for group, joints in groups.items():
                figures[f'{group}@{threshold:g}'] = float(_percent(hits[joints], counts[joints]).mean())
        return figures

    def _check_data(self) -> None:
        meta = self.dataset_meta or {}
        if meta.get('dataset_name') == 'mpii' and meta.get('keypoints_counted_from') != 0:
            raise DistilPoseError("the validation data counts MPII's keypoints from 1, as mmpose's MpiiDataset does, "
                                  'which would make every right prediction wrong by 1.4 pixels: set '
                                  "val_dataloader.dataset.type='ZeroBasedMpiiDataset', and the same for training")

    def _joints(self, count: int) -> tuple[list[int], dict[str, list[int]]]:
        """Indices of the joints that the mean counts, and of those of every group."""
        ids = (self.dataset_meta or {}).get('keypoint_name2id', {})
        missing = [name for names in (*GROUPS.values(), LEFT_OUT) for name in names if name not in ids]
        if missing or len(ids) != count:
            raise DistilPoseError(f"PCKhMetric needs MPII's 16 joints; the data set names {len(ids)} joints, "
                                  f'{", ".join(missing) or "none"} of MPII\'s missing, and the model predicts {count}. '
                                  'Use ZeroBasedMpiiDataset and a model of its joints, or another metric')
        groups = {group: [ids[name] for name in names] for group, names in GROUPS.items()}
        return [index for name, index in ids.items() if name not in LEFT_OUT], groups


def _percent(hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """100 hits / counts, NaN where the count is 0."""
    return np.divide(100.0 * hits, counts, out=np.full(np.shape(counts), np.nan), where=counts > 0)
