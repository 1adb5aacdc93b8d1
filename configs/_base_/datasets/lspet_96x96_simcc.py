# LSPET in COCO's form for SimCC as RTMPose has it, two bins a pixel, 96x96.
_base_ = 'lspet_96x96_regression.py'

from distilpose.data_config import with_codec

codec = dict(type='SimCCLabel', input_size=(96, 96), sigma=(3.46, 3.46), simcc_split_ratio=2.0, normalize=False,
             use_dark=False)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
