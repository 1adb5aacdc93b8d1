"""What is known of machines and processes before they wait for each other."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator

import pytest

from distilpose_cli import machines
from distilpose_cli.command import WrongInput
from distilpose_cli.machines import check_descriptors, check_interface, check_machines


def words(**options: object) -> list[str]:
    """Arguments of torchrun, as the launch scripts give them."""
    chosen = dict(nnodes=1, node_rank=0, master_addr='127.0.0.1', master_port=29500) | options
    return [f'--{name}={value}' for name, value in chosen.items()] + ['--nproc_per_node=2']


@pytest.fixture
def used_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(('', 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as server:
        server.bind(('', 0))
        return server.getsockname()[1]


def test_a_port_in_use(used_port: int) -> None:
    with pytest.raises(WrongInput, match=f'port {used_port}, .* is in use by another program .* set PORT to another '
                                         'one, or leave it out'):
        check_machines(words(master_port=used_port))
    with pytest.raises(WrongInput, match='set PORT to another one on all machines'):
        check_machines(words(master_port=used_port, nnodes=2))


def test_a_port_that_is_free_and_one_that_torchrun_chooses(free_port: int, capfd: pytest.CaptureFixture[str]) -> None:
    check_machines(words(master_port=free_port))
    check_machines(['--standalone', '--local_addr=127.0.0.1', '--nproc_per_node=2'])
    assert capfd.readouterr().err == ''


@pytest.mark.parametrize(('options', 'sentence'), [
    (dict(node_rank=2, nnodes=2), "NODE_RANK is '2'; it must be a whole number from 0 to 1, since NNODES is 2"),
    (dict(node_rank=1), "NODE_RANK is '1'; it must be a whole number from 0 to 0, since NNODES is 1"),
    (dict(node_rank='first', nnodes=2), "NODE_RANK is 'first'"),
    (dict(master_port=99999), "PORT is '99999'; it must be a whole number from 1 to 65535"),
    (dict(master_port='http'), "PORT is 'http'"),
    (dict(master_addr='no-such-host.invalid'), "MASTER_ADDR is 'no-such-host.invalid', which cannot be resolved"),
    (dict(master_addr='no-such-host.invalid', nnodes=2, node_rank=1), 'cannot be resolved'),
])
def test_wrong_variables(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(WrongInput, match=sentence):
        check_machines(words(**options))


def test_a_machine_says_for_whom_it_waits(free_port: int, used_port: int, capfd: pytest.CaptureFixture[str]) -> None:
    check_machines(words(nnodes=3, master_port=free_port))
    assert f'Machine 0 of 0 to 2 meets the others at 127.0.0.1:{free_port}' in capfd.readouterr().err
    check_machines(words(nnodes=3, node_rank=1, master_port=used_port))
    assert 'Nothing answers' not in capfd.readouterr().err
    check_machines(words(nnodes=3, node_rank=1, master_port=free_port))
    assert 'Nothing listens there yet' in capfd.readouterr().err


def test_a_network_interface_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    known = socket.if_nameindex()[0][1]
    monkeypatch.setenv('GLOO_SOCKET_IFNAME', known)
    check_interface()
    monkeypatch.setenv('GLOO_SOCKET_IFNAME', f'{known},nope')
    with pytest.raises(WrongInput, match=f"'nope', and this machine has .*{known}"):
        check_interface()


def test_the_limit_of_open_files_is_raised_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [256, 4096]
    monkeypatch.setattr(machines.resource, 'getrlimit', lambda kind: tuple(limits))
    monkeypatch.setattr(machines.resource, 'setrlimit', lambda kind, values: limits.__setitem__(slice(None), values))
    check_descriptors()
    assert limits == [4096, 4096]
    limits[:] = [1024, resource.RLIM_INFINITY]
    check_descriptors()
    assert limits == [65536, resource.RLIM_INFINITY]
    limits[:] = [40, 40]
    with pytest.raises(WrongInput, match='may open 40 files here, and at least 64 are needed'):
        check_descriptors()
