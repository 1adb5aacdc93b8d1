# SimDR with TokenPose-S on COCO, 256x192, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_simdr_256x192.py',
          '../../../../_base_/models/tokenpose/tokenpose_s_simdr.py',
          '../../../../_base_/family/simdr_tokenpose.py']
model = dict(head=dict(decoder=_base_.codec))
