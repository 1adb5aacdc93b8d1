# Schedule, augmentation and runtime of the ResNets.
_base_ = ['../../../../_base_/schedules/adam_140e.py',
          '../../../../_base_/methods/resnet_augmentation.py',
          '../../../../_base_/runtime/default.py']
