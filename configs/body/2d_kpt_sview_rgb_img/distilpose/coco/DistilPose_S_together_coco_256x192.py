# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_together_coco_256x192.py 8
# The same samples in other batches: images are shuffled, not people, and decoded once for their people (docs/speed.md).
_base_ = 'DistilPose_S_coco_256x192.py'
from distilpose.data_config import with_fast_data

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(_base_, together=True)
