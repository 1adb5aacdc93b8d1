# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_L_fast_coco_256x192.py 8
# DistilPose_L_coco_256x192.py on the same samples in less time: decoding, bfloat16, layout, optimizer (docs/speed.md).
_base_ = 'DistilPose_L_coco_256x192.py'
from distilpose.data_config import with_fast_data

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(_base_)
model = dict(teacher=dict(dtype='bfloat16'))
optim_wrapper = dict(type='AutocastOptimWrapper', dtype='bfloat16', optimizer=dict(fused=True))
custom_hooks = [dict(type='ChannelsLastHook')]
