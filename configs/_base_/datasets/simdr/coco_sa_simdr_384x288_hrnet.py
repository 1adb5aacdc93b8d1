# COCO for SimDR*, 384x288: 1.5 bins a pixel, Gaussians with a sigma of 4 bins.
_base_ = 'coco.py'

from distilpose.data_config import with_codec

codec = dict(type='SimDRGaussianLabel', input_size=(288, 384), simdr_split_ratio=1.5, sigma=4)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)

val_evaluator = dict(keypoint_score_thr=0.005)
test_evaluator = val_evaluator
