# LSPET in COCO's form for heatmaps, 96x64.
_base_ = 'lspet_96x64_regression.py'

from distilpose.data_config import with_codec

codec = dict(type='MSRAHeatmap', input_size=(64, 96), heatmap_size=(16, 24), sigma=1.5, unbiased=True,
             blur_kernel_size=7)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
