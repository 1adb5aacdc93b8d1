# LSPET in COCO's form for regression, square crops of 96x96, and an augmentation for hundreds of passes.
_base_ = 'lspet_96x64_regression.py'

from distilpose.data_config import with_augmentation, with_codec

codec = dict(type='RegressionLabel', input_size=(96, 96))
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
train_pipeline, train_dataloader = with_augmentation(
    dict(train_pipeline=train_pipeline),
    [dict(type='RandomScaleRotation', scale_factor=0.3, rotation_factor=40, rotation_prob=0.6)])
train_dataloader.update(batch_size=32, num_workers=0, persistent_workers=False)
val_dataloader.update(batch_size=100, num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
