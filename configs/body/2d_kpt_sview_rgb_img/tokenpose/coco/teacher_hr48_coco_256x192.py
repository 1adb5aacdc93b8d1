# TokenPose with HRNet-W48 on COCO, 256x192, on 8 GPUs: DistilPose's teacher.
_base_ = ['../../../../_base_/datasets/coco_256x192_heatmap.py',
          '../../../../_base_/schedules/adam_300e.py',
          '../../../../_base_/models/tokenpose_hr48.py',
          '../../../../_base_/runtime/default.py']
