# TokenPose-S as its own code base has it: the attention's products are divided by the root of the token's width, and
# the flip test does not shift. A leaf gives it its decoder; tokens of 4x3 cells, the published S-v1.
_base_ = '../tokenpose_stemnet.py'

model = dict(
    head=dict(encoder=dict(attention_scale='dim'), decoder=dict(_delete_=True),
              loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)),
    test_cfg=dict(shift_heatmap=False))
