# LSPET with labels and 4,800 other people with boxes alone, for SimCC, 96x96.
_base_ = 'lspet_96x96_heatmap_unlabelled.py'

from distilpose.data_config import with_codec

codec = dict(_delete_=True, type='SimCCLabel', input_size=(96, 96), sigma=(3.46, 3.46), simcc_split_ratio=2.0,
             normalize=False, use_dark=False)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(
    _base_, {key: value for key, value in codec.items() if key != '_delete_'})
