# COCO for SimDR, 384x288: 2 bins a pixel.
_base_ = 'coco.py'

from distilpose.data_config import with_codec

codec = dict(type='SimDRLabel', input_size=(288, 384), simdr_split_ratio=2)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)

val_evaluator = dict(keypoint_score_thr=0.01)
test_evaluator = val_evaluator
