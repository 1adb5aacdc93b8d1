"""Pseudo-label weights: keypoint weights are multiplied with the teacher's scores."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from distilpose.errors import DistilPoseError


@TRANSFORMS.register_module()
class WeighByCertainty(BaseTransform):
    """Multiplies ``keypoint_weights`` (1, K) with the ``keypoint_scores`` that ``distilpose label`` writes.

    Behind ``GenerateTarget``. Heads of mmpose weigh their loss with these weights
    (``loss=dict(use_target_weight=True)``), and so do distillation terms. Scores above 1, as SimCC's may be, count as
    1. An annotation without scores, such as one made by hand, keeps its weights.

    Raises:
        DistilPoseError: a person has another number of scores than of keypoints.
    """

    def transform(self, results: dict) -> dict:
        """See the class."""
        scores = (results.get('raw_ann_info') or results).get('keypoint_scores')
        if scores is None:
            return results
        weights, count = results['keypoint_weights'], results['keypoints'].shape[1]
        if len(scores) != count:
            raise DistilPoseError(f'the annotation {results.get("id")} of {results.get("img_path")} has {len(scores)} '
                                  f'keypoint_scores and {count} keypoints; label the images again with a teacher of '
                                  'these keypoints, or take WeighByCertainty out of the pipeline')
        factors = np.clip(np.asarray(scores, np.float32), 0, 1)
        if results.get('flip') and results.get('flip_direction') != 'diagonal':  # of which mmpose exchanges no sides
            factors = factors[list(results['flip_indices'])]
        results['keypoint_weights'] = ([one * factors for one in weights] if isinstance(weights, list)
                                       else weights * factors)
        return results
