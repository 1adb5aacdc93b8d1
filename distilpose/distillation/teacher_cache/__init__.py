"""Teacher cache: teacher outputs on disk, for trainings that use the same crops again."""

from .cache import TeacherCache, open_cache
from .header import agree_on_header
from .layout import RecordLayout
from .store import MarkedPreparation, SlotStore

__all__ = ['MarkedPreparation', 'RecordLayout', 'SlotStore', 'TeacherCache', 'agree_on_header', 'open_cache']
