"""The targets and decoders that mmpose lacks."""

from .simdr_label import SimDRGaussianLabel, SimDRLabel, classify_coordinates, draw_axis_gaussians

__all__ = ['SimDRGaussianLabel', 'SimDRLabel', 'classify_coordinates', 'draw_axis_gaussians']
