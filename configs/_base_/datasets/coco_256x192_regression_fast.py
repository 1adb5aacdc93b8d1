# As coco_256x192_regression.py, the same samples to the bit, with less decoding (docs/benchmarks/speed.md).
_base_ = 'coco_256x192_regression.py'
from distilpose.data_config import with_late_decoding

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_late_decoding(_base_)
