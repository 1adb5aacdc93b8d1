# TokenPose's heatmaps with a sigma of 1 cell for images of 128x128 (width x height).
_base_ = 'coco.py'

codec = dict(type='TokenPoseHeatmap', input_size=(128, 128), heatmap_size=(32, 32), sigma=1)
affine = dict(type='TopdownAffine', input_size=(128, 128), use_udp=True)

train_pipeline = _base_.train_pipeline
train_pipeline[5:7] = [affine, dict(type='GenerateTarget', encoder=codec)]
val_pipeline = _base_.val_pipeline
val_pipeline[2] = affine
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
