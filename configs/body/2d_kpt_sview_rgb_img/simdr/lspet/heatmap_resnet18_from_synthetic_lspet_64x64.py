# Heatmaps with ResNet-18 from synthetic people on LSPET, 64x64, on a CPU.
# A Gaussian has a sigma of one cell, as published at this size.
_base_ = ['../../../../_base_/family/simdr_lspet.py', '../../../../_base_/models/simdr/heatmap_resnet18_slim.py']

from distilpose.data_config import with_codec

codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1)
model = dict(head=dict(decoder=codec))
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
