# MPII with the augmentation of SimDR and TokenPose. A base per size and codec inherits it.
_base_ = '../mpii_256x256_heatmap.py'

codec = dict(_delete_=True, type='RegressionLabel', input_size=(256, 256))
