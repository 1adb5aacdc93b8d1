# COCO-WholeBody and UBody for RTMPose, 384x288.
_base_ = 'coco_ubody_256x192.py'

from distilpose.data_config import change_step, with_codec

codec = dict(_base_.codec, input_size=(288, 384), sigma=(6.0, 6.93))
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
train_dataloader.update(batch_size=32)
final_pipeline = change_step(_base_.final_pipeline, 'TopdownAffine', input_size=codec['input_size'])
final_pipeline = change_step(final_pipeline, 'GenerateTarget', encoder=codec)
