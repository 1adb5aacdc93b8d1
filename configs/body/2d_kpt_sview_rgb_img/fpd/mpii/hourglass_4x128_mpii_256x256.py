# Hourglass network 4x128 on MPII, 256x256, on 1 GPU: FPD's student alone.
_base_ = ['../../../../_base_/family/hourglass_mpii_256x256.py', '../../../../_base_/models/hourglass_4x128.py']
model = dict(head=dict(decoder=_base_.codec))
