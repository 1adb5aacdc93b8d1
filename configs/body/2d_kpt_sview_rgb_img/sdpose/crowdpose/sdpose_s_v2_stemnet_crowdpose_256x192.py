# SDPose-S-V2 on CrowdPose, 256x192, on 8 GPUs.
_base_ = 'sdpose_s_v1_stemnet_crowdpose_256x192.py'
model = dict(student=dict(head=dict(encoder=dict(patch_size=(2, 2)))))
train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=192)
