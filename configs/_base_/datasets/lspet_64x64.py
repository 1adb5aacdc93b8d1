# Leeds Sports Pose Extended in squares of 64x64; a leaf gives targets and scores that count.
_base_ = 'lspet_96x64_regression.py'

affine = dict(type='TopdownAffine', input_size=(64, 64))

train_pipeline = _base_.train_pipeline
train_pipeline[4] = affine
val_pipeline = _base_.val_pipeline
val_pipeline[2] = affine
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
