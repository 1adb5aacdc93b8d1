# SimDR with ResNet-50 on COCO, 128x128, on 4 GPUs, without upsampling: 32 channels of a joint.
_base_ = 'simdr_res50_coco_128x128.py'
model = dict(head=dict(_delete_=True, type='UpsampleFreeSimDRHead', in_channels=2048, num_keypoints=17,
                       channels_per_joint=32, loss=dict(type='NMTLoss', smoothing=0.1), decoder=_base_.codec))
