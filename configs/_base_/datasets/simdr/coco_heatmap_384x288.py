# COCO for heatmaps, 384x288: Gaussians with a sigma of 3 cells.
_base_ = 'coco.py'

from distilpose.data_config import with_codec

codec = dict(type='MSRAHeatmap', input_size=(288, 384), heatmap_size=(72, 96), sigma=3)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
