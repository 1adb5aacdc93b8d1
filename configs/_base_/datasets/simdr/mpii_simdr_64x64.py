# MPII for SimDR, 64x64: 3 bins a pixel.
_base_ = 'mpii.py'

from distilpose.data_config import with_codec

codec = dict(type='SimDRLabel', input_size=(64, 64), simdr_split_ratio=3)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
