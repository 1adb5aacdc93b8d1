# COCO for TokenPose's heatmaps, 128x128: Gaussians with a sigma of 1 cell.
_base_ = 'coco.py'

from distilpose.data_config import with_codec

codec = dict(type='TokenPoseHeatmap', input_size=(128, 128), heatmap_size=(32, 32), sigma=1)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(
    _base_, codec, use_udp=True)
