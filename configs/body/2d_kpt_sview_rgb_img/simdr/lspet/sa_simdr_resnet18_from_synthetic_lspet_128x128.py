# SimDR* with ResNet-18 from synthetic people on LSPET, 128x128, on a CPU.
_base_ = 'sa_simdr_resnet18_from_synthetic_lspet_64x64.py'

from distilpose.data_config import with_codec

codec = dict(type='SimDRGaussianLabel', input_size=(128, 128), simdr_split_ratio=3, sigma=3)
model = dict(head=dict(decoder=codec))
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
