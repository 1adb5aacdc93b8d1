"""The page of samples: people as the network is given them, with keypoints, targets and the teacher's crop."""

from .page import FILE, write_sample_page
from .samples import Sample, Source, draw_samples, list_sources

__all__ = ['FILE', 'Sample', 'Source', 'draw_samples', 'list_sources', 'write_sample_page']
