# DistilPose-XS for a CPU: a slim ResNet instead of the stem, four visual tokens, L1 loss. Small transformers learn
# slowly at first; two layers and few large patches give the first poses in minutes.
_base_ = 'distilpose_s.py'

student = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, stem_channels=16, base_channels=16, num_stages=3,
                  strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2, )),
    head=dict(in_channels=64, loss=dict(type='L1Loss'), decoder=dict(input_size=(64, 96)),
              encoder=dict(feature_size=(4, 6), patch_size=(2, 3), dim=96, depth=2, num_heads=4)))
