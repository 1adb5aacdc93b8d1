# The model of DWPose's second stage. A leaf adds student and teacher.
_base_ = '../methods/dwpose_s2.py'

model = dict(type='PoseDistiller', **_base_.dwpose)
