# DistilPose-L, faster, on COCO, 256x192, on 8 GPUs; see DistilPose_S_fast_coco_256x192.py.
_base_ = 'DistilPose_L_coco_256x192.py'
from distilpose.data_config import with_fast_data

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(_base_)
model = dict(teacher=dict(dtype='bfloat16'))
optim_wrapper = dict(type='AutocastOptimWrapper', dtype='bfloat16', optimizer=dict(fused=True))
custom_hooks = [dict(type='ChannelsLastHook')]
