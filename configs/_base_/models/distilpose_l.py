# DistilPose-L: three stages of HRNet-W48 instead of the stem, 21.3M parameters.
_base_ = 'distilpose_s.py'

student = dict(
    backbone=dict(
        type='HRNet3Stage',
        extra=dict(
            stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4, ), num_channels=(64, )),
            stage2=dict(num_modules=1, num_branches=2, block='BASIC', num_blocks=(4, 4), num_channels=(48, 96)),
            stage3=dict(num_modules=4, num_branches=3, block='BASIC', num_blocks=(4, 4, 4),
                        num_channels=(48, 96, 192)))),
    head=dict(in_channels=48))
