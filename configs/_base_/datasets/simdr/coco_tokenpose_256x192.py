# COCO for TokenPose's heatmaps, 256x192: Gaussians with a sigma of 2 cells.
_base_ = 'coco.py'

from distilpose.data_config import with_codec

codec = dict(type='TokenPoseHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(
    _base_, codec, use_udp=True)
