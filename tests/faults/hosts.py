"""The names of the fault runs, on addresses that the end-to-end tests leave alone."""

from tests.e2e.hosts import Host

A = Host("a.faults.test", "127.0.0.31")
B = Host("b.faults.test", "127.0.0.32")
C = Host("c.faults.test", "127.0.0.33")
MOCK = Host("mock.faults.test", "127.0.0.34")
CROWD = tuple(Host(f"crowd{number}.faults.test", f"127.0.0.{40 + number}") for number in range(10))
ALL = (A, B, C, MOCK, *CROWD)
