# SimDR with SimpleBaseline's ResNet-50 and three deconvolutions. A leaf adds the decoder. As for the published weights,
# images are BGR with the statistics of RGB.
_base_ = 'simdr_hrnet_w32.py'

model = dict(
    data_preprocessor=dict(bgr_to_rgb=False),
    backbone=dict(_delete_=True, type='ResNet', depth=50,
                  init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    head=dict(in_channels=2048, feature_stride=32, deconv_out_channels=(256, 256, 256)))
