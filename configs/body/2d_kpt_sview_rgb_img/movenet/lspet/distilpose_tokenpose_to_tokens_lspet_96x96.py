# DistilPose of a TokenPose that learnt from MoveNet Thunder to token regression on LSPET, 96x96, on a CPU.
# Heatmap and score have ten times the published weights: the task loss here is an L1, which is larger than the
# published squared loss.
_base_ = ['../../../../_base_/datasets/lspet_96x96_regression.py',
          '../../../../_base_/schedules/adamw_60e.py',
          '../../../../_base_/models/token_regression_w32_96x96.py',
          '../../../../_base_/methods/distilpose.py',
          '../../../../_base_/runtime/cpu.py']
terms = _base_.terms
terms['simulated_heatmap'].update(masking='intended', weight=10.0)
terms['score'].update(index='heatmap', weight=0.1)
teacher = dict(config='configs/body/2d_kpt_sview_rgb_img/movenet/lspet/tokenpose_resnet18_lspet_96x96.py',
               checkpoint='teacher_chkpts/tokenpose_resnet18_lspet_96x96.pth')
model = dict(type='PoseDistiller', student=_base_.student, teacher=teacher, terms=terms)
