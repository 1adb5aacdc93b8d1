# DWPose, first stage: SimCC of a ResNet-18 from one of width 48 on LSPET, 96x96, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x96_simcc.py',
          '../../../../_base_/schedules/adamw_60e.py',
          '../../../../_base_/family/dwpose_s1.py',
          '../../../../_base_/runtime/cpu.py']
networks = 'configs/body/2d_kpt_sview_rgb_img/movenet/lspet/'
model = dict(student=dict(config=networks + 'simcc_resnet18_lspet_96x96.py'),
             teacher=dict(config=networks + 'simcc_resnet18_w48_lspet_96x96.py',
                          checkpoint='teacher_chkpts/simcc_resnet18_w48_lspet_96x96.pth'))
