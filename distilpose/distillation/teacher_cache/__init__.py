"""Teacher cache: teacher outputs on disk, for trainings that use the same crops again."""

from .cache import TeacherCache
from .header import agree_on_header
from .layout import RecordLayout
from .opening import open_cache
from .people import FilledPeople
from .person_cache import PersonCache
from .store import MarkedPreparation, SlotStore

__all__ = ['FilledPeople', 'MarkedPreparation', 'PersonCache', 'RecordLayout', 'SlotStore', 'TeacherCache',
           'agree_on_header', 'open_cache']
