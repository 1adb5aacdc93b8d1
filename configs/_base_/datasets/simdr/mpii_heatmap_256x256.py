# MPII for heatmaps, 256x256: Gaussians with a sigma of 2 cells.
_base_ = 'mpii.py'

from distilpose.data_config import with_codec

codec = dict(type='MSRAHeatmap', input_size=(256, 256), heatmap_size=(64, 64), sigma=2)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
