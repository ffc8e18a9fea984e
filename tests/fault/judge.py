"""Judges the console of a run in which the first program did a forbidden thing."""

import re

from tests.fault.cases import Case

EXPECTED = re.compile(r"# \[first\] expected: .* rip (0x[0-9a-f]+) address (0x[0-9a-f]+)$")
REPORT = re.compile(r"# \[kernel\] cpu (\d+): (user|kernel) exception (\d+) "
                    r"error (0x[0-9a-f]+) at rip (0x[0-9a-f]+)(?: address (0x[0-9a-f]+))?"
                    r"(?:, from outside the program)?$")
REGISTERS = re.compile(r"# \[kernel\]   r")
UNKNOWN = 0xFFFFFFFFFFFFFFFF  # the program cannot know this address
PAGE_FAULT = 14


def matching(pattern: re.Pattern, lines: list[str]) -> list[re.Match]:
    return [match for line in lines if (match := pattern.match(line))]


def judge_report(case: Case, report: re.Match, rip: int, address: int) -> list[str]:
    """What is wrong with the kernel's line."""
    _, mode, vector, error, got_rip, got_address = report.groups()
    faults = []
    if mode != "user":
        faults.append("the exception was in the kernel")
    if int(vector) not in case.vectors:
        faults.append(f"vector {vector}, expected {case.vectors}")
    if int(error, 16) not in case.errors:
        faults.append(f"error {error}, expected {[hex(e) for e in case.errors]}")
    if rip not in (UNKNOWN, int(got_rip, 16)):
        faults.append(f"rip {got_rip}, expected {rip:#x}")
    if (int(vector) == PAGE_FAULT) != (got_address is not None):
        faults.append("an address belongs to page faults, and to nothing else")
    if got_address and address not in (UNKNOWN, int(got_address, 16)):
        faults.append(f"address {got_address}, expected {address:#x}")
    return faults


def judge(case: Case, lines: list[str], status: int | None) -> list[str]:
    """What is wrong with the whole run; empty if nothing is."""
    expected = matching(EXPECTED, lines)
    reports = matching(REPORT, lines)
    if len(expected) != 1:
        return ["the program did not come to its deed"]
    if len(reports) != 1:
        return [f"the kernel reported {len(reports)} exceptions"]
    faults = judge_report(case, reports[0], *(int(text, 16) for text in expected[0].groups()))
    if len(matching(REGISTERS, lines)) < 4:
        faults.append("the registers were not printed")
    if not lines or lines[-1] != "CAIRN-EXIT 8":
        faults.append("the last line is not CAIRN-EXIT 8")
    if status != 8:
        faults.append(f"exit status {status}, expected 8")
    return faults
