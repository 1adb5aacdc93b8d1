"""Files that would unpack to far more than their size are refused before anything of them is made."""

from __future__ import annotations

import functools
import random
import time
import timeit
import tracemalloc
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from distilpose.checkpoints import BadCheckpoint, load_file
from distilpose.checkpoints.declared_sizes import MAX_DEPTH, check_declared_sizes
from distilpose.errors import DistilPoseError
from distilpose.host import checkpoint_loading, downloads

HUGE = 10**12


def rewritten(source: Path, target: Path, change: Callable[[str, bytes], bytes | None],
              compression: int = zipfile.ZIP_STORED) -> Path:
    """A zip file with other records; ``None`` leaves one out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, 'w', compression) as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def saved(folder: Path, content: Any, **options: Any) -> Path:
    torch.save(content, folder / 'plain.pth', **options)
    return folder / 'plain.pth'


class Calling:
    """Pickled, it is a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


def assert_refused(file: Path, words: str) -> None:
    """Within a second and 20 MB, with a sentence that names the file and its size."""
    start = time.perf_counter()
    with pytest.raises(BadCheckpoint, match=words) as caught:
        load_file(file)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    try:
        with pytest.raises(BadCheckpoint):
            check_declared_sizes(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert f'{file} ({file.stat().st_size:,} bytes)' in message and '\n' not in message and len(message) < 600
    assert peak < 20e6 and seconds < 3  # on a machine that does other work; else a tenth of a second


class TestArchives:
    def test_compressed_zeros(self, tmp_path: Path) -> None:
        file = saved(tmp_path, dict(a=torch.zeros(25_000_000)))
        bomb = rewritten(file, tmp_path / 'bomb.pth', lambda _, content: content, zipfile.ZIP_DEFLATED)
        assert bomb.stat().st_size < 200_000
        assert_refused(bomb, r'members that unpack to 100,00\d,\d{3} bytes, [\d,]+ times its size')

    def test_members_that_overlap(self, tmp_path: Path) -> None:
        """Every entry of the directory names the same bytes."""
        file = saved(tmp_path, dict(a=torch.rand(500_000)))
        with zipfile.ZipFile(file) as archive, zipfile.ZipFile(tmp_path / 'bomb.pth', 'w') as new:
            for name in archive.namelist():
                new.writestr(name, archive.read(name))
            record = new.getinfo('plain/data/0')
            for number in range(1, 15):
                copy = zipfile.ZipInfo(f'plain/data/{number}')
                copy.header_offset, copy.CRC = record.header_offset, record.CRC
                copy.compress_size = copy.file_size = record.file_size
                new.filelist.append(copy)
        assert_refused(tmp_path / 'bomb.pth', 'overlap')

    def test_two_records_of_one_name(self, tmp_path: Path) -> None:
        """Readers differ in which of them they take, and torch's takes no notice of case."""
        file = saved(tmp_path, dict(a=torch.rand(5)))
        with zipfile.ZipFile(file, 'a') as archive:
            archive.writestr('plain/DATA.PKL', b'')
        assert_refused(file, 'two members of one name')

    def test_something_before_the_first_record(self, tmp_path: Path) -> None:
        file = saved(tmp_path, dict(a=torch.rand(5)))
        file.write_bytes(b'PK\3\4' + bytes(60) + file.read_bytes())
        assert_refused(file, 'something lies before')

    def test_a_damaged_pickle_is_not_taken(self, tmp_path: Path) -> None:
        """torch does not look at the checksum."""
        file = saved(tmp_path, dict(name=torch.rand(5)))
        file.write_bytes(file.read_bytes().replace(b'name', b'mane', 1))
        assert_refused(file, r'damaged.*Bad CRC-32')

    def test_weights_that_were_compressed_are_read(self, tmp_path: Path) -> None:
        values = dict(a=torch.rand(100_000), b=torch.zeros(100_000))
        file = rewritten(saved(tmp_path, values), tmp_path / 'small.pth', lambda _, content: content,
                         zipfile.ZIP_DEFLATED)
        found = load_file(file)
        assert all(torch.equal(found[name], value) for name, value in values.items())

    def test_a_download_that_is_packed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with zipfile.ZipFile(tmp_path / 'packed.pth', 'w', zipfile.ZIP_DEFLATED) as archive:
            archive.writestr('inner.pth', bytes(80_000_000))
        monkeypatch.setattr(downloads, 'download', lambda url, target, **_: Path(target).write_bytes(
            (tmp_path / 'packed.pth').read_bytes()))
        with pytest.raises(BadCheckpoint, match='80,000,000 bytes'):
            checkpoint_loading.load_from_http('https://example.org/a.pth', model_dir=str(tmp_path / 'new'))
        assert [file.name for file in (tmp_path / 'new').iterdir()] == ['a.pth']


class TestTensors:
    def test_a_storage_that_is_not_in_the_file(self, tmp_path: Path) -> None:
        """In the place of its number of items."""
        file = saved(tmp_path, dict(a=torch.arange(4.)))
        more = rewritten(file, tmp_path / 'more.pth', lambda name, content: content.replace(
            b'K\x04t', b'J\xff\xff\xff\x7ft') if name.endswith('data.pkl') else content)
        assert_refused(more, "8,589,934,588 bytes for storage '0', which has 16")
        gone = rewritten(file, tmp_path / 'gone.pth', lambda name, content: None if '/data/' in name else content)
        assert_refused(gone, "16 bytes for storage '0', which has 0")

    @pytest.mark.parametrize('zipped', [True, False])
    def test_one_number_expanded(self, zipped: bool, tmp_path: Path) -> None:
        file = saved(tmp_path, dict(a=torch.zeros(1).expand(HUGE, 4)), _use_new_zipfile_serialization=zipped)
        assert_refused(file, r'tensors of 16,000,000,000,000 bytes, [\d,]+ times its size')

    def test_a_view_beyond_its_storage(self, tmp_path: Path) -> None:
        storage = torch.zeros(4)._typed_storage()
        for size, stride in (((5,), (1,)), ((2, 3), (3, 1)), ((HUGE,), (HUGE,)), ((2,), (-1,)), ((-5,), (1,))):
            call = Calling(torch._utils._rebuild_tensor_v2, storage, 0, size, stride, False, OrderedDict())
            assert_refused(saved(tmp_path, dict(a=call)), 'a tensor of')
        call = Calling(torch._utils._rebuild_tensor_v3, storage, 0, (4,), (1,), False, OrderedDict(), torch.float64)
        assert_refused(saved(tmp_path, dict(a=call)), 'needs 32 bytes of a storage of 16')

    @pytest.mark.filterwarnings('ignore:Sparse invariant checks')
    @pytest.mark.parametrize('value, words', [
        (lambda: torch.sparse_coo_tensor([[0]], [1.], (HUGE,)), 'a sparse tensor'),
        (lambda: torch.empty(HUGE, device='meta'), 'a tensor without numbers'),
        (lambda: Calling(torch.Tensor, HUGE), r'torch\.Tensor of \(1000000000000\), which may be of any size'),
        (lambda: Calling(torch.FloatTensor, HUGE), 'FloatTensor of'),
        (lambda: Calling(torch.storage.UntypedStorage, HUGE), 'UntypedStorage of'),
        (lambda: Calling(torch._tensor._rebuild_from_type_v2, torch.Tensor, torch.Tensor, (HUGE,), {}), 'Tensor of'),
        (lambda: Calling(bytearray, HUGE), 'bytearray of')])
    def test_other_ways_to_much_memory(self, value: Callable[[], Any], words: str, tmp_path: Path) -> None:
        assert_refused(saved(tmp_path, dict(a=value())), words)

    def test_bytes_that_double(self, tmp_path: Path) -> None:
        import _codecs

        value: Any = 'ab'
        for _ in range(40):
            value = Calling(_codecs.encode, value, 'hex')
        assert_refused(saved(tmp_path, dict(a=value)), 'bytes in a coding')

    def test_a_storage_in_a_legacy_file(self, tmp_path: Path) -> None:
        file = saved(tmp_path, dict(a=torch.arange(4.)), _use_new_zipfile_serialization=False)
        content = file.read_bytes()
        assert content.count(b'K\x04Nt') == 1
        file.write_bytes(content.replace(b'K\x04Nt', b'J\xff\xff\xff\x7fNt'))
        assert_refused(file, 'declares 8,589,934,588 bytes of numbers, so it is cut short or damaged')


class TestObjects:
    def test_lists_that_double(self, tmp_path: Path) -> None:
        value: Any = [1.0] * 4
        for _ in range(60):
            value = [value, value]
        for zipped in (True, False):
            file = saved(tmp_path, dict(a=value), _use_new_zipfile_serialization=zipped)
            assert_refused(file, 'more than 1,000,000 entries')

    def test_lists_that_were_filled_later(self, tmp_path: Path) -> None:
        """All are empty when they are put into one another."""
        lists: list[Any] = [[] for _ in range(60)]
        opcodes = b'\x80\x02' + b''.join(b']q' + bytes([number]) for number in range(60))
        for number in range(59):
            opcodes += b'h%c(h%ch%ce' % (number, number + 1, number + 1)
        file = rewritten(saved(tmp_path, lists), tmp_path / 'b.pth', lambda name, content: (
            opcodes + b'h\0.' if name.endswith('data.pkl') else content))
        assert_refused(file, 'more than 1,000,000 entries')

    def test_a_key_of_tuples_that_double(self, tmp_path: Path) -> None:
        opcodes = b'\x80\x02}' + b'K\x01' + b'q\x01h\x01\x86' * 50 + b'K\x01s.'
        file = rewritten(saved(tmp_path, {}), tmp_path / 'b.pth', lambda name, content: (
            opcodes if name.endswith('data.pkl') else content))
        assert_refused(file, 'a key with more than 1,000 entries')

    @pytest.mark.parametrize('kind', [set, Counter, OrderedDict])
    def test_entries_of_a_set_that_double(self, kind: type, tmp_path: Path) -> None:
        value: Any = (1, 1)
        for _ in range(50):
            value = value, value
        entry = [value, 1] if kind is OrderedDict else value
        assert_refused(saved(tmp_path, dict(a=Calling(kind, [entry]))), 'a key with more than 1,000 entries')

    def test_depth(self, tmp_path: Path) -> None:
        opcodes = b'\x80\x02' + b']' * 50_000 + b'a' * 49_999 + b'.'
        file = rewritten(saved(tmp_path, []), tmp_path / 'b.pth', lambda name, content: (
            opcodes if name.endswith('data.pkl') else content))
        assert_refused(file, f'more than {MAX_DEPTH} objects in one another')

    def test_an_object_in_itself(self, tmp_path: Path) -> None:
        value: dict[str, Any] = {}
        value['a'] = [value]
        assert_refused(saved(tmp_path, value), 'an object that holds itself')


class TestWhatIsRead:
    def test_everything_that_a_training_saves(self, tmp_path: Path) -> None:
        """Tied weights, views, parameters, all types, arrays, an optimizer, a history, keys that are tuples."""
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 4))
        model[2].bias = model[0].bias
        optimizer = torch.optim.Adam(model.parameters())
        model(torch.rand(5, 3)).sum().backward()
        optimizer.step()
        whole = torch.rand(10, 10)
        checkpoint = dict(
            state_dict=model.state_dict(), optimizer=optimizer.state_dict(), parameter=nn.Parameter(torch.rand(2)),
            views=[whole, whole[2:4], whole.t(), whole[:, 3], whole[0, 0], torch.zeros(1).expand(3, 4)],
            types=[torch.zeros(2).to(dtype) for dtype in (
                torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.uint8, torch.bool, torch.complex64,
                torch.float8_e4m3fn, torch.uint16)],
            empty=[torch.zeros(0, 5), torch.zeros(())], size=torch.Size([2, 3]), dtype=torch.float16,
            device=torch.device('cpu'), numbers=[2**70, 1.5, 1j, None, True, b'bytes', bytearray(b'a'), {1, 2}],
            arrays=[np.arange(5), np.float32(1), np.array(['a'])], history=HistoryBuffer([1., 2.], [1, 1]),
            table={('a', 0, 1): dict(kind='x')}, counter=Counter('abc'))
        for zipped in (True, False):
            if not zipped:  # which torch itself cannot read from its older format
                checkpoint['types'] = checkpoint['types'][:7]
            file = saved(tmp_path, checkpoint, _use_new_zipfile_serialization=zipped)
            found = load_file(file)
            assert torch.equal(found['views'][2], whole.t()) and found['views'][5].shape == (3, 4)
            assert found['counter'] == Counter('abc') and found['numbers'][0] == 2**70

    def test_it_costs_little(self, tmp_path: Path) -> None:
        """Less than torch's own unpickler, which is in Python too."""
        file = saved(tmp_path, {f'layer{number}.weight': torch.zeros(3) for number in range(1500)})
        load = functools.partial(torch.load, file, weights_only=True)
        checking, loading = (min(timeit.repeat(function, number=1, repeat=3))
                             for function in (lambda: check_declared_sizes(file), load))
        assert checking < 2 * loading


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('zipped', [True, False])
def test_random_damage_is_a_sentence(zipped: bool, tmp_path: Path) -> None:
    """Of the pickle's bytes, whatever they make of it: it is read, or refused."""
    content = dict(a=torch.rand(3), b=nn.Parameter(torch.rand(2, 2)), c=np.arange(3), d=[(1, 2.5), {'x': b'y'}],
                   e=HistoryBuffer([1.], [1]), f=OrderedDict(a=1))
    file = saved(tmp_path, content, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes() if not zipped else zipfile.ZipFile(file).read('plain/data.pkl')
    rng = random.Random(0)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        if zipped:
            rewritten(file, tmp_path / 'b.pth', lambda name, old, new=bytes(damaged): (
                new if name.endswith('data.pkl') else old))
        else:
            (tmp_path / 'b.pth').write_bytes(damaged)
        try:
            load_file(tmp_path / 'b.pth')
        except DistilPoseError:
            refused += 1
    assert refused > 100
