# TokenPose-T: no backbone, patches of 16x12 pixels of the image.
_base_ = 'tokenpose_s.py'

model = dict(
    backbone=dict(_delete_=True, type='RawImage'),
    head=dict(in_channels=3, encoder=dict(feature_size=(192, 256), patch_size=(12, 16), num_heads=16,
                                          attention_scale='head')))
