# SimDR with TokenPose-S. Its code is not published; the head follows from the published parameters and operations.
_base_ = 'tokenpose_s.py'

model = dict(
    head=dict(_delete_=True, type='TokenPoseSimDRHead', in_channels=256, num_keypoints=17,
              encoder=dict(feature_size=(48, 64), patch_size=(3, 4), dim=192, depth=12, num_heads=8, mlp_ratio=3,
                           attention_scale='dim'),
              loss=dict(type='NMTLoss', smoothing=0.1)),
    test_cfg=dict(_delete_=True, flip_test=True, score='larger', average='probabilities', shift='one_bin'))
