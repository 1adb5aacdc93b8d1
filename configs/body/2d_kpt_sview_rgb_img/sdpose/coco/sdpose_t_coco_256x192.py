# SDPose-T on COCO, 256x192, on 8 GPUs. Three cycles of six layers.
_base_ = ['../../../../_base_/family/sdpose_coco_256x192.py', '../../../../_base_/models/sdpose/sdpose_t.py']
sdpose = _base_.sdpose
sdpose['teacher'].update(cycles=3)
model = dict(_delete_=True, type='PoseDistiller', student=_base_.model, **sdpose)
