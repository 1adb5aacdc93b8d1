# DistilPose-S, faster, on COCO, 256x192, on 8 GPUs.
# The samples are the same; decoding, bfloat16, memory format and optimizer take less time (docs/speed.md).
_base_ = 'DistilPose_S_coco_256x192.py'
from distilpose.data_config import with_fast_data

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(_base_)
model = dict(teacher=dict(dtype='bfloat16'))
optim_wrapper = dict(type='AutocastOptimWrapper', dtype='bfloat16', optimizer=dict(fused=True))
custom_hooks = [dict(type='ChannelsLastHook')]
