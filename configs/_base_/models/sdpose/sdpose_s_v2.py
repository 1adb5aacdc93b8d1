# SDPose-S-V2: TokenPose with the convolutional stem and patches of 2x2 cells, 6.4M parameters.
_base_ = '../tokenpose_stemnet.py'

model = dict(head=dict(encoder=dict(patch_size=(2, 2))))
