# python tools/train.py configs/body/2d_kpt_sview_rgb_img/simdr/lspet/sa_simdr_resnet18_from_synthetic_lspet_128x128.py
# The same for images of twice the size.
_base_ = 'sa_simdr_resnet18_from_synthetic_lspet_64x64.py'

from distilpose.data_config import with_codec

codec = dict(type='SimDRGaussianLabel', input_size=(128, 128), simdr_split_ratio=3, sigma=3)
model = dict(head=dict(decoder=codec))
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
