# SimDR on ResNet-50 without upsampling: the deconvolutions give way to several channels of a joint.
_base_ = 'simdr_res50.py'

model = dict(head=dict(_delete_=True, type='UpsampleFreeSimDRHead', in_channels=2048, num_keypoints=17,
                       channels_per_joint=32, loss=dict(type='NMTLoss', smoothing=0.1)))
