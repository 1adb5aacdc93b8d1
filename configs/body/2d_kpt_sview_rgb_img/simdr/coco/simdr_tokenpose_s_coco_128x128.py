# SimDR with TokenPose-S on COCO, 128x128, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_simdr_128x128.py',
          '../../../../_base_/models/tokenpose/tokenpose_s_simdr.py',
          '../../../../_base_/family/simdr_tokenpose.py']
model = dict(head=dict(decoder=_base_.codec, encoder=dict(feature_size=(32, 32), patch_size=(2, 2))))
