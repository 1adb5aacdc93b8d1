# RKD between joints from HRNet-W48 to HRNet-W32 on COCO, 256x192, on 4 GPUs.
# A twentieth of the usual weight, since the task loss is a mean over the cells of heatmaps.
_base_ = ['../../../../_base_/family/hrnet_w48_to_w32_coco_256x192.py', '../../../../_base_/methods/rkd_joints.py']
model = dict(terms=dict(joint_relations=dict(_base_.terms.joint_relations, weight=0.005, student='heatmaps')))
