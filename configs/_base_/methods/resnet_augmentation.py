# SimDR's augmentation on ResNets takes the place of half bodies and of the wider rotation and scaling.
augmentation = [dict(type='RandomScaleRotation', scale_factor=0.3, rotation_factor=40, rotation_prob=0.6)]
