# MPII for SimDR, 256x256: 2 bins a pixel.
_base_ = 'mpii.py'

from distilpose.data_config import with_codec

codec = dict(type='SimDRLabel', input_size=(256, 256), simdr_split_ratio=2)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
