# DistilPose-L: three stages of HRNet-W48 instead of the stem, 21.3M parameters.
_base_ = ['distilpose_s.py', 'hrnet_w48.py']

student = dict(backbone=dict(type='HRNet3Stage', extra=_base_.hrnet_w48), head=dict(in_channels=48))
