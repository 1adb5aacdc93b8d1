# DistilPose-XS on LSPET, 96x64, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x64_regression.py',
          '../../../../_base_/schedules/adamw_30e.py',
          '../../../../_base_/models/distilpose_xs_96x64.py',
          '../../../../_base_/methods/distilpose.py',
          '../../../../_base_/runtime/default.py']
# Ten times the published weights: the task loss here is an L1, which is larger than the published squared loss.
terms = _base_.terms
terms['simulated_heatmap'].update(weight=10.0)
terms['score'].update(weight=0.1)
teacher = dict(
    config='configs/body/2d_kpt_sview_rgb_img/tokenpose/lspet/teacher_resnet18_lspet_96x64.py',
    checkpoint='teacher_chkpts/tokenpose_resnet18_lspet_96x64.pth')
model = dict(type='PoseDistiller', student=_base_.student, teacher=teacher, terms=terms)
