# As coco_256x192_regression.py, the same samples to the bit, in less time (docs/benchmarks/speed.md).
_base_ = 'coco_256x192_regression.py'
from distilpose.data_config import with_fast_data

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(_base_)
