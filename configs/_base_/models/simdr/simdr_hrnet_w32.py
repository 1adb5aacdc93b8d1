# SimDR with HRNet-W32, with the published flip test and scores. A leaf adds the decoder.
_base_ = '../hrnet_w32.py'

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                           bgr_to_rgb=True),
    backbone=dict(
        type='HRNet', in_channels=3, extra=_base_.hrnet_w32,
        init_cfg=dict(type='Pretrained',
                      checkpoint='https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w32-36af842e.pth')),
    head=dict(type='SimDRHead', in_channels=32, num_keypoints=17, feature_stride=4,
              loss=dict(type='NMTLoss', smoothing=0.1)),
    test_cfg=dict(flip_test=True, score='larger', average='probabilities', shift='one_bin'))
