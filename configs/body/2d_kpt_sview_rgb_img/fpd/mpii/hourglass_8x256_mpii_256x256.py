# Hourglass network 8x256 on MPII, 256x256, on 1 GPU: FPD's teacher.
# The name of the published file says 140 epochs, as here; the YAML file beside it says 150, with drops at 120 and 140.
_base_ = ['../../../../_base_/family/hourglass_mpii_256x256.py', '../../../../_base_/models/hourglass_8x256.py']
model = dict(head=dict(decoder=_base_.codec))
