# The same at 384x288.
_base_ = 'coco_256x192.py'

codec = dict(type='SimCCLabel', input_size=(288, 384), sigma=(6.0, 6.93), simcc_split_ratio=2.0, normalize=False,
             use_dark=False)

train_pipeline = _base_.train_pipeline
train_pipeline[5] = dict(type='TopdownAffine', input_size=codec['input_size'])
train_pipeline[10] = dict(type='GenerateTarget', encoder=codec)
final_pipeline = _base_.final_pipeline
final_pipeline[5] = dict(type='TopdownAffine', input_size=codec['input_size'])
final_pipeline[10] = dict(type='GenerateTarget', encoder=codec)
val_pipeline = _base_.val_pipeline
val_pipeline[2] = dict(type='TopdownAffine', input_size=codec['input_size'])

train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
