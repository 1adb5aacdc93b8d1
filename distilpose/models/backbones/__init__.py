from .hrnet_3stage import HRNet3Stage
from .raw_image import RawImage
from .stacked_hourglass import StackedHourglass
from .stemnet import StemNet
from .vision_transformer import VisionTransformer

__all__ = ['HRNet3Stage', 'RawImage', 'StackedHourglass', 'StemNet', 'VisionTransformer']
