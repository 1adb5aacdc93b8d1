# SimDR with a slim ResNet-18 without its last stage, as in DistilPose-XS, and two small deconvolutions. It starts from
# the quickstart's student without a teacher (./tools/quickstart.sh --seed 0), trained on synthetic people.
_base_ = 'simdr_res50.py'

start = '{{ fileDirname }}'.rsplit('/', 4)[0] + '/work_dirs/quickstart/seed_0/baseline/weights.pth'
model = dict(
    data_preprocessor=dict(bgr_to_rgb=True),
    backbone=dict(depth=18, stem_channels=16, base_channels=16, num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1),
                  out_indices=(2, ), init_cfg=dict(prefix='backbone.', checkpoint=start)),
    head=dict(in_channels=64, feature_stride=16, deconv_out_channels=(64, 64)))
