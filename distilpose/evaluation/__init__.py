"""Metrics and annotated people for evaluation: AP, OKS, PCK, PCKh, whole body, agreement with a teacher."""

from distilpose.renamed import forward_names

from .agreement import AgreementWithTeacher, TeacherKeypoints
from .average_precision import Matches, average_precision, match_detections, only_keypoint
from .dump import DumpPredictions
from .metrics import (
    correct_keypoints,
    is_a_figure,
    keypoint_similarity,
    object_keypoint_similarity,
    share_of_correct_keypoints,
)
from .pckh import PCKhMetric
from .people import Evaluation, People, build_validation, read_people
from .whole_body import WholeBodyPartsMetric

__all__ = ['AgreementWithTeacher', 'DumpPredictions', 'Evaluation', 'Matches', 'PCKhMetric', 'People',
           'TeacherKeypoints', 'WholeBodyPartsMetric', 'average_precision', 'build_validation', 'correct_keypoints',
           'is_a_figure', 'keypoint_similarity', 'match_detections', 'object_keypoint_similarity', 'only_keypoint',
           'read_people', 'share_of_correct_keypoints']

__getattr__ = forward_names(__name__, {
    'enlarged_crop': 'distilpose.compare.pictures.enlarged_crop',
    'evaluate': 'distilpose.compare.measure.evaluate',
    'person_panels': 'distilpose.compare.pictures.person_panels'})
