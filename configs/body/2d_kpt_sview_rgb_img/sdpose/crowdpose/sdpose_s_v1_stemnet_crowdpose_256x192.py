# SDPose-S-V1 on CrowdPose, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/sdpose_crowdpose_256x192.py', '../../../../_base_/models/tokenpose_stemnet.py']
student = _base_.model
student.head.update(num_keypoints=14)
student.metainfo.update(from_file='configs/_base_/datasets/crowdpose.py')
model = dict(_delete_=True, type='PoseDistiller', student=student, **_base_.sdpose)
