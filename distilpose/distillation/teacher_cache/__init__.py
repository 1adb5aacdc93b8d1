"""A teacher's answers on disk, for trainings that show it the same crops again."""

from .cache import TeacherCache
from .header import agree_on_header
from .layout import RecordLayout
from .opening import open_cache
from .slots import MarkedPreparation
from .store import SlotStore

__all__ = ['MarkedPreparation', 'RecordLayout', 'SlotStore', 'TeacherCache', 'agree_on_header', 'open_cache']
