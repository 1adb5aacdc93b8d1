# LSPET in COCO's form for heatmaps, square crops of 96x96.
_base_ = 'lspet_96x96_regression.py'

from distilpose.data_config import with_codec

codec = dict(type='MSRAHeatmap', input_size=(96, 96), heatmap_size=(24, 24), sigma=1.5, unbiased=True,
             blur_kernel_size=7)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
