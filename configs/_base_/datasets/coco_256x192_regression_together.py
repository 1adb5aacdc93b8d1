# As coco_256x192_regression.py in less time, the people of an image one after the other, so that it is decoded once.
_base_ = 'coco_256x192_regression.py'
from distilpose.data_config import with_fast_data

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(_base_, together=True)
