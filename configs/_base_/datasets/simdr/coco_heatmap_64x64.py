# COCO for heatmaps, 64x64: Gaussians with a sigma of 1 cell.
_base_ = 'coco.py'

from distilpose.data_config import with_codec

codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
