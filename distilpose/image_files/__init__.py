"""Image files of data sets: existence, headers and annotated sizes, checked without decoding them."""

from .checks import ImageTable, check_images
from .inspection import LARGEST_SIDE, ImageFacts, inspect_image, read_image, why_unreadable
from .presence import missing_files

__all__ = ['LARGEST_SIDE', 'ImageFacts', 'ImageTable', 'check_images', 'inspect_image', 'missing_files', 'read_image',
           'why_unreadable']
