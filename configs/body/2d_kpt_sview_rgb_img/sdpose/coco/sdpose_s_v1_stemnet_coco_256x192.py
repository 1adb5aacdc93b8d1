# SDPose-S-V1 on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/sdpose_coco_256x192.py', '../../../../_base_/models/tokenpose_stemnet.py']
model = dict(_delete_=True, type='PoseDistiller', student=_base_.model, **_base_.sdpose)
