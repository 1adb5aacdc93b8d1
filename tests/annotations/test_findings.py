"""What a data check returns is plain data."""

from __future__ import annotations

import dataclasses
import json

from distilpose.annotations import Expected, Finding, Findings


def test_findings_survive_json() -> None:
    found = Findings('people.json', people=8, used=7, images=6, left_out={'box of no size': 1},
                     warnings=(Finding('box of no size', '1 box of people.json ...', 1, (3, ), (7, )), ))
    assert Findings.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_keys_of_expectations_tell_them_apart() -> None:
    one, same = (Expected(fields=(('keypoints', ('nose', 'left_eye')), )) for _ in range(2))
    assert one.key() == same.key() and hash(one) == hash(same)
    others = [dataclasses.replace(one, has_people=False), dataclasses.replace(one, folder='images'), Expected()]
    assert len({one.key(), *(other.key() for other in others)}) == 4
