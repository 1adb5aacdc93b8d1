# TokenPose-L/D24 on COCO, 384x288, on 8 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_tokenpose_384x288.py',
          '../../../../_base_/schedules/adam_300e_tokenpose.py',
          '../../../../_base_/models/tokenpose/tokenpose_l.py',
          '../../../../_base_/runtime/default.py']
model = dict(head=dict(decoder=_base_.codec, heatmap_size=(72, 96),
                       encoder=dict(feature_size=(72, 96), patch_size=(4, 6))))
train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=256)
