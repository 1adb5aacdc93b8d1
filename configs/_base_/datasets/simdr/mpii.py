# MPII as SimDR and TokenPose augment it, which is what mpii_256x256_heatmap.py does; sizes and codecs inherit this.
_base_ = '../mpii_256x256_heatmap.py'

codec = dict(_delete_=True, type='RegressionLabel', input_size=(256, 256))
