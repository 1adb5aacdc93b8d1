# DistilPose-S, grouped by image, on COCO, 256x192, on 8 GPUs.
# Images are shuffled instead of people, and each is decoded once for all its people (docs/speed.md).
_base_ = 'DistilPose_S_coco_256x192.py'
from distilpose.data_config import with_fast_data

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(_base_, together=True)
