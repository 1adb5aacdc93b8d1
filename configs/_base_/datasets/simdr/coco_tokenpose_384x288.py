# TokenPose's heatmaps with a sigma of 3 cells for images of 288x384 (width x height).
_base_ = 'coco.py'

from distilpose.data_config import with_codec

codec = dict(type='TokenPoseHeatmap', input_size=(288, 384), heatmap_size=(72, 96), sigma=3)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(
    _base_, codec, use_udp=True)
