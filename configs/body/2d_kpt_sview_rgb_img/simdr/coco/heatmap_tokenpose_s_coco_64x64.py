# Heatmaps with TokenPose-S on COCO, 64x64, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_tokenpose_64x64.py',
          '../../../../_base_/models/tokenpose/tokenpose_s.py',
          '../../../../_base_/family/simdr_tokenpose.py']
model = dict(head=dict(decoder=_base_.codec, heatmap_size=(16, 16), hidden_dim=None,
                       encoder=dict(feature_size=(16, 16), patch_size=(1, 1))))
