"""What ``--fast`` means, with and without fast products in bfloat16, on any machine."""

from __future__ import annotations

import pytest

from distilpose.errors import DistilPoseError
from distilpose.models import fast_settings as module
from distilpose.models.fast_settings import fast_settings, resolve_dtype


def set_bfloat16(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    monkeypatch.setattr(module, 'has_fast_bfloat16', lambda device_type='cpu': fast)


@pytest.mark.parametrize(('fast', 'dtype'), [(True, 'bfloat16'), (False, None)])
def test_auto_takes_what_is_fast(fast: bool, dtype: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_bfloat16(monkeypatch, fast)
    found = fast_settings('auto')
    assert found.is_on and found.dtype == dtype == resolve_dtype('auto') and found.compile is None


def test_named_types_and_off_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    set_bfloat16(monkeypatch, False)
    assert not fast_settings('off').is_on
    assert fast_settings('float32').is_on and fast_settings('float32').dtype is None
    assert fast_settings('bfloat16').dtype == 'bfloat16' and resolve_dtype('float16') == 'float16'
    assert fast_settings('float32', compile='max-autotune').compile == 'max-autotune'


def test_unknown_values_are_refused() -> None:
    with pytest.raises(DistilPoseError, match="fast is 'int8'; expected one of auto, off, float32"):
        fast_settings('int8')
    with pytest.raises(DistilPoseError, match='fast is off; take --fast'):
        fast_settings('off', compile='default')
