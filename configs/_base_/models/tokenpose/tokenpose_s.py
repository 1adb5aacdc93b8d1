# TokenPose-S as its authors' code has it: attention is divided by the root of the token's width, and the flip test does
# not shift. A leaf adds the decoder. Patches of 4x3 cells are those of S-v1.
_base_ = '../tokenpose_stemnet.py'

model = dict(
    head=dict(encoder=dict(attention_scale='dim'), decoder=dict(_delete_=True),
              loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)),
    test_cfg=dict(shift_heatmap=False))
