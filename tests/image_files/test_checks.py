from __future__ import annotations

import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from distilpose.errors import DistilPoseError
from distilpose.image_files import ImageTable, check_images, missing_files
from distilpose.image_files import checks as module

NAMES = [f'{number:03}.png' for number in range(20)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'images').mkdir()
    for name in NAMES:
        Image.new('RGB', (60, 40)).save(tmp_path / 'images' / name)
    return tmp_path / 'images'


def table(folder: Path, names: list[str] = NAMES, *, size: tuple[int, int] = (60, 40),
          box: tuple[int, int, int, int] = (5, 5, 30, 20), differing: int = 20, is_turned: bool = True) -> ImageTable:
    sizes = np.full((len(names), 2), (60, 40), float)
    sizes[:differing] = size
    return ImageTable('people.json', 'train_dataloader.dataset', str(folder), names, list(range(len(names))), sizes,
                      lambda place: [box], is_turned, str(folder.parent))


def test_whole_images_of_their_annotated_size_need_no_word(folder: Path) -> None:
    assert check_images(table(folder)) == []
    assert check_images(table(folder), is_training=False) == []


@pytest.mark.parametrize('count', [5, 20])
def test_missing_files_are_found_one_by_one_and_by_folder(folder: Path, count: int) -> None:
    (folder / 'below').mkdir()
    (folder / '001.png').rename(folder / 'below' / '001.png')
    names = [*NAMES[:count], 'below/001.png', 'below/002.png', 'no/001.png', 'below']
    assert missing_files(str(folder), names) == [1, count + 1, count + 2, count + 3]
    absolute = [str(folder / name) for name in names]
    assert missing_files('', absolute) == missing_files('/elsewhere', absolute) == [1, count + 1, count + 2, count + 3]


def test_a_few_broken_images_are_counted_and_named(folder: Path) -> None:
    (folder / '003.png').unlink()
    (folder / '007.png').write_bytes(b'<html>')
    with pytest.raises(DistilPoseError) as error:
        check_images(table(folder))
    for words in ('that people.json (named by train_dataloader.dataset) names', '1 of 20 images is missing',
                  '1 of 19 images cannot be read', '003.png is missing', '007.png is no image but a web page',
                  'at most 0.10% of its images', 'default_hooks.skipped_images.max_share=0.103'):
        assert words in str(error.value)
    warning, = check_images(table(folder), max_share=0.103)
    assert '1 of 20 images is missing and 1 of 19 images cannot be read' in warning.sentence
    assert warning.count == 2 and warning.image_ids == (3, 7)


def test_one_broken_image_of_a_validation_is_too_many(folder: Path) -> None:
    (folder / '003.png').write_bytes(b'')
    with pytest.raises(DistilPoseError, match=r'1 of 20 images cannot be read, .*003\.png is empty'):
        check_images(table(folder), max_share=0.5, is_training=False)


@pytest.mark.parametrize(('found', 'says'), [
    ('000.PNG', 'Did you mean 000.PNG'), ('000.jpg', 'Did you mean 000.jpg'),
    ('../elsewhere/000.png', 'Such a file is '), ('other.png', 'That folder has 1 other files, such as other.png')])
def test_where_the_images_are_if_none_is_where_it_should_be(tmp_path: Path, found: str, says: str) -> None:
    folder = tmp_path / 'images'
    for place in (folder, tmp_path / 'elsewhere'):
        place.mkdir()
    (folder / found).write_bytes(b'')
    with pytest.raises(DistilPoseError, match='none of the 20 images of people.json') as error:
        check_images(table(folder))
    assert says in str(error.value) and str(folder / '000.png') in str(error.value)
    assert 'train_dataloader.dataset.data_prefix.img=FOLDER' in str(error.value)


@pytest.mark.parametrize(('size', 'box', 'says'), [
    ((30, 20), (5, 5, 50, 30), '20 of 20 people on these images would lose a part of their box'),
    ((600, 400), (5, 5, 500, 300), '20 of 20 boxes on these images reach beyond them'),
    ((30, 20), (5, 5, 10, 10), '000.png is 60x40 (width x height), and 30x20')])
def test_another_size_than_annotated(folder: Path, size: tuple[int, int], box: tuple[int, int, int, int],
                                     says: str) -> None:
    with pytest.raises(DistilPoseError, match='20 of 20 images of people.json .*another width and height') as error:
        check_images(table(folder, size=size, box=box))
    assert '000.png is 60x40' in str(error.value) or 'is 60x40' in str(error.value)
    assert says.partition(' ')[2] in str(error.value)
    warning, = check_images(table(folder, size=size, box=box, differing=1), max_share=0.05)
    assert '1 of 20 images of people.json' in warning.sentence and '000.png is 60x40' in warning.sentence
    assert warning.count == 1 and warning.image_ids == (0, )


def test_a_pixel_more_is_no_other_size(folder: Path) -> None:
    assert check_images(table(folder, size=(61, 38))) == []


def test_images_that_exif_turns(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    for name in NAMES:
        Image.new('RGB', (60, 40)).save(folder / name, exif=exif)
    assert check_images(table(folder, size=(40, 60))) == []
    with pytest.raises(DistilPoseError, match='20 are annotated as they are without the rotation of their EXIF data'):
        check_images(table(folder))
    assert check_images(table(folder, is_turned=False)) == []


def test_a_sample_says_that_it_is_one(folder: Path) -> None:
    with mock.patch.object(module, '_MOST_SAMPLED', 10):
        with pytest.raises(DistilPoseError, match=r'10 of 10 images \(a sample of 20\) of people.json'):
            check_images(table(folder, size=(30, 20)))
        with pytest.raises(DistilPoseError, match='20 of 20 images of people.json'):
            check_images(table(folder, size=(30, 20)), is_training=False)


def test_a_slow_disk_is_read_by_threads_and_for_a_limited_time(folder: Path) -> None:
    def slow(path: str) -> module.ImageFacts:
        time.sleep(0.005)
        return module.ImageFacts(60, 40)

    with mock.patch.object(module, 'inspect_image', slow), mock.patch.object(module, '_FIRST', 4):
        start = time.perf_counter()
        assert len(dict(module._look(table(folder), np.arange(20), seconds=10))) == 20
        assert time.perf_counter() - start < 0.075
        assert len(dict(module._look(table(folder), np.arange(20), seconds=0.01))) <= 4
