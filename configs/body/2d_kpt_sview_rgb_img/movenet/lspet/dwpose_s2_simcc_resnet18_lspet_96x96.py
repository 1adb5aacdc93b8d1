# DWPose, second stage: the head of SimCC with a narrow ResNet-18 from itself on LSPET, 96x96, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x96_simcc.py',
          '../../../../_base_/schedules/adamw_60e.py',
          '../../../../_base_/family/dwpose_s2.py',
          '../../../../_base_/runtime/cpu.py']
network = 'configs/body/2d_kpt_sview_rgb_img/movenet/lspet/simcc_resnet18_lspet_96x96.py'
model = dict(student=dict(config=network),
             teacher=dict(config=network, checkpoint='teacher_chkpts/dwpose_s1_simcc_w48_to_resnet18_lspet_96x96.pth'))
