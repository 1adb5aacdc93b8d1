# SDPose-T: TokenPose with the convolutional stem and six layers instead of twelve, 4.4M parameters.
_base_ = '../tokenpose_stemnet.py'

model = dict(head=dict(encoder=dict(depth=6)))
