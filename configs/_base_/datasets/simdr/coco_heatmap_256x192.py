# Heatmaps with a sigma of 2 cells for images of 192x256 (width x height).
_base_ = 'coco.py'

from distilpose.data_config import with_codec

codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
