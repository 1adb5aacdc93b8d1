"""Prediction: images and boxes of people in, keypoints in image pixels out."""

from .boxes import check_boxes
from .images import ImageLike, read_image
from .predictor import PosePredictions, Predictor, predict, predict_many

__all__ = ['ImageLike', 'PosePredictions', 'Predictor', 'check_boxes', 'predict', 'predict_many', 'read_image']
