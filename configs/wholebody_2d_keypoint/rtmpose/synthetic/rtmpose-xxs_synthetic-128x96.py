# RTMPose-xxs of the whole body on synthetic people, 128x96, on a CPU: the student of dwpose/synthetic alone.
_base_ = ['../../../_base_/family/rtmpose_synthetic_128x96.py', '../../../_base_/models/rtmpose/rtmpose_xxs_128x96.py']
model = dict(head=dict(decoder=_base_.codec), test_cfg=dict(flip_test=False))
