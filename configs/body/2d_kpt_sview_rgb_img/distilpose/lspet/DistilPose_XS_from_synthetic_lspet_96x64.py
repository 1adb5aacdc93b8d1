# DistilPose-XS from synthetic people on LSPET, 96x64, on a CPU.
# Student and teacher were trained on synthetic people before. The log has the share of each term in the gradient.
_base_ = ['DistilPose_XS_lspet_96x64.py']

start = '{{ fileDirname }}'.rsplit('/', 5)[0] + '/work_dirs/quickstart/seed_0/baseline/weights.pth'
teacher = dict(
    config='configs/body/2d_kpt_sview_rgb_img/tokenpose/lspet/teacher_from_synthetic_lspet_96x64.py',
    checkpoint='teacher_chkpts/tokenpose_from_synthetic_lspet_96x64.pth')
model = dict(
    student=dict(
        backbone=dict(init_cfg=dict(type='Pretrained', prefix='backbone.', checkpoint=start)),
        head=dict(encoder=dict(init_cfg=dict(type='Pretrained', prefix='head.encoder.', checkpoint=start)))),
    teacher=teacher)
train_cfg = dict(max_epochs=15)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=15)
custom_hooks = [dict(type='GradientShareHook', interval=150)]
