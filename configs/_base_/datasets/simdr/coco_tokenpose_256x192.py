# TokenPose's heatmaps with a sigma of 2 cells for images of 192x256 (width x height).
_base_ = 'coco.py'

codec = dict(type='TokenPoseHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
affine = dict(type='TopdownAffine', input_size=(192, 256), use_udp=True)

train_pipeline = _base_.train_pipeline
train_pipeline[5:7] = [affine, dict(type='GenerateTarget', encoder=codec)]
val_pipeline = _base_.val_pipeline
val_pipeline[2] = affine
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
