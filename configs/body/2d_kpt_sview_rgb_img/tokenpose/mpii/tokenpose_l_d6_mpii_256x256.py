# TokenPose-L/D6 on MPII, 256x256, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/mpii_tokenpose_256x256.py',
          '../../../../_base_/schedules/adam_300e_tokenpose.py',
          '../../../../_base_/models/tokenpose/tokenpose_l.py',
          '../../../../_base_/runtime/default.py']
model = dict(head=dict(decoder=_base_.codec, num_keypoints=16, heatmap_size=(64, 64),
                       encoder=dict(feature_size=(64, 64), patch_size=(4, 4), depth=2, num_heads=8)),
             metainfo=dict(from_file='configs/_base_/datasets/mpii.py'))
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=64)
