# SimCC of a ResNet-18 of width 48 from MoveNet Thunder on LSPET and 4,800 people without labels, 96x96, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x96_simcc_unlabelled.py',
          '../../../../_base_/methods/simcc.py',
          '../../../../_base_/teachers/thunder.py',
          '../../../../_base_/schedules/adamw_60e.py',
          '../../../../_base_/runtime/cpu.py']
model = dict(
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/movenet/lspet/simcc_resnet18_w48_lspet_96x96.py'),
    teacher=_base_.teacher,
    terms=dict(marginals=dict(_base_.terms.marginals, beta=10.0)))
