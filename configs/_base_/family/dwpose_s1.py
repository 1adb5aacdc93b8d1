# The model of DWPose's first stage. A leaf adds student and teacher.
_base_ = '../methods/dwpose_s1.py'

model = dict(type='PoseDistiller', **_base_.dwpose)
