# Heatmaps with a sigma of 1 cell for images of 64x64 (width x height).
_base_ = 'mpii.py'

codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1)
affine = dict(type='TopdownAffine', input_size=(64, 64))

train_pipeline = _base_.train_pipeline
train_pipeline[4:6] = [affine, dict(type='GenerateTarget', encoder=codec)]
val_pipeline = _base_.val_pipeline
val_pipeline[2] = affine
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
