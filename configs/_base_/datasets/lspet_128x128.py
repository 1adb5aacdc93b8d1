# Leeds Sports Pose Extended in squares of 128x128.
_base_ = 'lspet_64x64.py'

affine = dict(type='TopdownAffine', input_size=(128, 128))

train_pipeline = _base_.train_pipeline
train_pipeline[4] = affine
val_pipeline = _base_.val_pipeline
val_pipeline[2] = affine
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
