# The same at 384x288.
_base_ = 'coco_256x192.py'

from distilpose.data_config import replace_steps, with_codec

codec = dict(type='SimCCLabel', input_size=(288, 384), sigma=(6.0, 6.93), simcc_split_ratio=2.0, normalize=False,
             use_dark=False)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
final_pipeline = replace_steps(_base_.final_pipeline, dict(type='TopdownAffine', input_size=codec['input_size']),
                               dict(type='GenerateTarget', encoder=codec))
train_dataloader['batch_size'] = 32
