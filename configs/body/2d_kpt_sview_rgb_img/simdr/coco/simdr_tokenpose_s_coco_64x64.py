# SimDR with TokenPose-S on COCO, 64x64, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_simdr_64x64.py',
          '../../../../_base_/models/tokenpose/tokenpose_s_simdr.py',
          '../../../../_base_/family/simdr_tokenpose.py']
model = dict(head=dict(decoder=_base_.codec, encoder=dict(feature_size=(16, 16), patch_size=(1, 1))))
