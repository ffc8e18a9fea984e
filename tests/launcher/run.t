#!/usr/bin/env python3
"""build/cairn run: exit status, time limit, input, terminal, messages. Emulators are scripts."""

import fcntl
import os
import pathlib
import select
import signal
import subprocess
import sys
import termios
import time

sys.dont_write_bytecode = True

import support  # noqa: E402
from tests.lib.tap import Tap  # noqa: E402

tap = Tap()
HANG = "time.sleep(100)"
# QEMU's modules, each with the file that it is in the end.
TELL_MODULES = """
for module in sys.argv[sys.argv.index("-initrd") + 1].split(","):
    path, arguments = module.split(" ", 1)
    say(f"{os.path.realpath(path)} {arguments}\\n")
say("CAIRN-EXIT 0\\n")
"""


def check_status(tree: support.Tree) -> None:
    for number in (0, 1, 4, 8, 255):
        result = tree.cairn("run", fake=f"say('# [x] hello\\r\\nCAIRN-EXIT {number}\\r\\n')")
        tap.equal(result.returncode, number, f"status {number} from CAIRN-EXIT", result.stderr)
    tap.equal(result.stdout, "# [x] hello\r\nCAIRN-EXIT 255\r\n".replace("\r\n", "\n"),
              "standard output is the console and nothing else")
    for about, text in {
        "no such line": "hello\\n",
        "nothing at all but a newline": "\\n",
        "not at the line's start": "x CAIRN-EXIT 0\\n",
        "more after the number": "CAIRN-EXIT 0 x\\n",
        "a number too large": "CAIRN-EXIT 256\\n",
        "an unfinished line": "CAIRN-EXIT 0",
        "another line after it": "CAIRN-EXIT 0\\nhello\\n",
        "an unfinished line after it": "CAIRN-EXIT 0\\nx",
    }.items():
        result = tree.cairn("run", fake=f"say('{text}')")
        tap.equal(result.returncode, 8, f"status 8: {about}", result.stdout, result.stderr)
    result = tree.cairn("run", fake="say('CAIRN-EXIT 8\\nCAIRN-EXIT 5\\n')")
    tap.equal(result.returncode, 5, "the last of two such lines counts")
    result = tree.cairn("run", fake="sys.exit('no such device')")
    tap.equal(result.returncode, 2, "an emulator that does not start: status 2")
    tap.ok("no such device" in result.stderr, "its words are shown", result.stderr)


def check_ends(tree: support.Tree) -> None:
    start = time.monotonic()
    result = tree.cairn("run", "--grace", "0.3", fake=f"say('CAIRN-EXIT 8\\n'); {HANG}")
    tap.equal(result.returncode, 8, "a machine that halts after CAIRN-EXIT")
    tap.ok(time.monotonic() - start < 10, "it is ended after the grace period")
    text = "".join(f"line {number}\\n" for number in range(30))
    start = time.monotonic()
    result = tree.cairn("run", "--timeout", "3", fake=f"say('{text}\\x1b[mend'); {HANG}")
    tap.equal(result.returncode, 124, "a machine that hangs: status 124", result.stderr)
    tap.ok(time.monotonic() - start < 10, "it is ended after the time limit")
    tap.ok("  line 29\n" in result.stderr and "\\x1b[mend" in result.stderr
           and "line 10\n" not in result.stderr, "its last 20 lines are shown", result.stderr)
    start = time.monotonic()
    result = tree.cairn("run", "--timeout", "3", fake=f"say('CAIRN-EXIT 0\\nx'); {HANG}")
    tap.equal(result.returncode, 124, "CAIRN-EXIT with more after it does not stop the clock")
    result = tree.cairn("run", "--timeout", "0.5",
                        fake=f"import signal; signal.signal(15, signal.SIG_IGN); {HANG}")
    tap.equal(result.returncode, 124, "an emulator that ignores SIGTERM is killed")
    result = tree.cairn("run", "--timeout", "1",
                        fake="\nwhile True: say('y' * 9999 + '\\n')")
    tap.equal(result.returncode, 124, "a machine that never stops talking is ended too")


def check_bochs(tree: support.Tree) -> None:
    iso = tree.root / "x.iso"
    iso.write_text("")
    arguments = ("run", "--platform", "bochs", "--iso", str(iso))
    result = tree.cairn(*arguments, fake="say('a\\nCAIRN-EXIT 0\\n')")
    tap.equal((result.returncode, result.stdout), (0, "a\nCAIRN-EXIT 0\n"),
              "Bochs: what it wrote last is not lost", result.stderr)
    result = tree.cairn(*arguments, "--timeout", "0.5", fake=HANG)
    tap.equal(result.returncode, 124, "Bochs: time limit", result.stderr)
    result = tree.cairn(*arguments, text="key\n", fake="say(os.read(line, 100).decode() + "
                        "'CAIRN-EXIT 0\\n')")
    tap.equal(result.stdout, "key\nCAIRN-EXIT 0\n", "Bochs: input", result.stderr)
    runs = [subprocess.Popen([str(tree.root / "build/cairn"), *arguments], cwd=tree.root,
                             env=tree.environment(f"say('{n}\\n' * 9); time.sleep(0.3); "
                                                  "say('CAIRN-EXIT 0\\n')"),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for n in (1, 2)]
    outputs = [run.communicate(timeout=30)[0] for run in runs]
    tap.equal(outputs, [b"%d\n" % n * 9 + b"CAIRN-EXIT 0\n" for n in (1, 2)],
              "Bochs: two runs at once")


def check_input(tree: support.Tree) -> None:
    echo = "say('got ' + os.read(0, 100).decode() + 'CAIRN-EXIT 0\\n')"
    result = tree.cairn("run", text="hello\x1dq\n", fake=echo)
    tap.equal(result.stdout, "got hello\x1dq\nCAIRN-EXIT 0\n",
              "a pipe is forwarded as it is, escape key and all", result.stderr)
    file = tree.root / "input"
    file.write_text("from a file\n")
    with file.open() as stream:
        result = tree.cairn("run", stdin=stream, fake=echo)
    tap.ok("got from a file" in result.stdout, "a file is forwarded", result.stdout)
    result = tree.cairn("run", fake="time.sleep(0.3); say('CAIRN-EXIT 0\\n')")
    tap.equal(result.returncode, 0, "the end of the input does not end the run", result.stderr)
    result = tree.cairn("run", "--headless", "--timeout", "0.5", text="x", fake=echo)
    tap.equal(result.returncode, 124, "--headless reads no input", result.stdout)


class Terminal:
    """build/cairn as the foreground process of a terminal of its own."""

    def __init__(self, tree: support.Tree, fake: str, *arguments: str):
        self.ours, self.theirs = os.openpty()
        self.before = termios.tcgetattr(self.theirs)

        def own_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [str(tree.root / "build/cairn"), "run", *arguments], cwd=tree.root,
            env=tree.environment(fake), stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
            preexec_fn=own_terminal)
        self.output = b""

    def wait_for(self, text: bytes, limit: float = 20) -> bool:
        end = time.monotonic() + limit
        while text not in self.output and time.monotonic() < end:
            if select.select([self.ours], [], [], 0.1)[0]:
                self.output += os.read(self.ours, 4096)
        return text in self.output

    def type(self, text: bytes) -> None:
        os.write(self.ours, text)

    def raw(self) -> bool:
        return not termios.tcgetattr(self.theirs)[3] & (termios.ICANON | termios.ECHO)

    def end(self) -> tuple[int, bool]:
        """Exit status, and whether the terminal is as it was."""
        status = self.process.wait(20)
        restored = termios.tcgetattr(self.theirs) == self.before
        os.close(self.ours)
        os.close(self.theirs)
        return status, restored


def check_terminal(tree: support.Tree) -> None:
    echo = "say('ready\\n')\nwhile True: say(repr(os.read(0, 1)) + '\\n')"
    terminal = Terminal(tree, echo)
    tap.ok(terminal.wait_for(b"ready"), "a terminal: the console is shown")
    tap.ok(terminal.raw(), "keys are passed unechoed, one by one")
    terminal.type(b"\x03\x1d\x1da\r")
    tap.ok(terminal.wait_for(rb"b'\x03'") and terminal.wait_for(rb"b'\x1d'")
           and terminal.wait_for(rb"b'\r'"), "Ctrl-C, a doubled Ctrl-] and Enter reach the machine",
           str(terminal.output))
    terminal.type(b"\x1dn")
    tap.ok(terminal.wait_for(rb"b'n'"), "Ctrl-] with a key that the launcher does not know, too")
    terminal.type(b"\x1d?")
    tap.ok(terminal.wait_for(b"quit the launcher"), "Ctrl-] ? shows help")
    terminal.type(b"\x1dq")
    tap.equal(terminal.end(), (0, True), "Ctrl-] q quits and restores the terminal")
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        terminal = Terminal(tree, echo)
        terminal.wait_for(b"ready")
        terminal.process.send_signal(getattr(signal, name))
        tap.equal(terminal.end(), (130, True), f"{name} ends it and restores the terminal")
    terminal = Terminal(tree, f"say('ready\\n'); {HANG}", "--timeout", "1")
    terminal.wait_for(b"ready")
    tap.equal(terminal.end(), (124, True), "the time limit restores the terminal")
    terminal = Terminal(tree, "sys.exit('broken')")
    tap.equal(terminal.end(), (2, True), "an emulator that does not start leaves it restored")


def alive(process: int) -> bool:
    try:
        return "Z" not in pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1][:3]
    except OSError:
        return False


def check_orphans(tree: support.Tree) -> None:
    for name in ("SIGTERM", "SIGKILL"):
        run = subprocess.Popen([str(tree.root / "build/cairn"), "run"], cwd=tree.root,
                               env=tree.environment(f"say(f'{{os.getpid()}}\\n'); {HANG}"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
        emulator = int(run.stdout.readline())
        run.send_signal(getattr(signal, name))
        run.wait(20)
        run.stdout.close()
        end = time.monotonic() + 10
        while alive(emulator) and time.monotonic() < end:
            time.sleep(0.05)
        tap.ok(not alive(emulator), f"no emulator is left after {name}")


def check_systems(tree: support.Tree) -> None:
    """What the first program is, and what it gets."""
    (tree.root / "other.conf").write_text("[second]\nprogram = load\n")
    other = ["--module", "other.conf,name=first"]
    demonstration = ("bin/root name=first", "demo.conf name=system.conf", "bin/load name=load")
    for about, arguments, wanted in [
        ("the demonstration", [], demonstration),
        ("the demonstration with a module", ["--module", "vm.conf,name=x"], demonstration),
        ("a system", ["--system", "other.conf"], ("bin/root name=first", "other.conf name=system")),
        ("a command line's program", ["--cmdline", "tests=*"], ("bin/first name=first",)),
        ("another first program", other, ("other.conf name=first",)),
        ("a system with a command line", ["--system", "other.conf", "--cmdline", "x"],
         ("bin/root name=first",)),
    ]:
        result = tree.cairn("run", *arguments, fake=TELL_MODULES)
        said = result.stdout
        tap.ok(result.returncode == 0 and all(words in said for words in wanted)
               and said.count("name=first") == 1
               and ("name=system.conf" in said) == ("bin/root" in said),
               f"boots {about}", said, result.stderr)


def check_messages(tree: support.Tree) -> None:
    (tree.root / "vm.conf").write_text("[vm]\nmemory = much\n")
    for about, words, arguments in [
        ("no command", "COMMAND", []),
        ("an unknown option", "--wrong", ["run", "--wrong"]),
        ("an abbreviated option", "--time", ["run", "--time", "3"]),
        ("a wrong VM file", "vm.conf:2: memory", ["run", "vm.conf"]),
        ("a missing VM file", "none.conf: no such file", ["run", "none.conf"]),
        ("a wrong VM file for an image", "vm.conf:2: memory", ["iso", "-o", "x", "vm.conf"]),
        ("waiting for all VMs of none", "--wait", ["run", "--wait", "all"]),
        ("an image and VM files", "its own", ["run", "--iso", "x", "vm.conf"]),
        ("a wrong size", "'64X'", ["run", "--memory", "64X"]),
        ("no CPU", "--cpus 0", ["run", "--cpus", "0"]),
        ("IOMMU on Bochs", "Bochs has no IOMMU", ["run", "--platform", "bochs", "--iommu"]),
        ("a wrong time", "--timeout", ["run", "--timeout", "0"]),
        ("a module without name", "FILE,name=NAME", ["run", "--module", "vm.conf,x"]),
        ("a missing module", "none: no such file", ["run", "--module", "none,name=x"]),
        ("a missing image", "none.iso: no such file", ["run", "--iso", "none.iso"]),
        ("an image and a command line", "its own", ["run", "--iso", "x", "--cmdline", "y"]),
        ("programs that are not built", "clang-debug/bin", ["run", "--compiler", "clang"]),
    ]:
        result = tree.cairn(*arguments)
        lines = result.stderr.splitlines()
        tap.ok(result.returncode == 2 and len(lines) == 1 and lines[0].startswith("cairn: ")
               and words in lines[0], f"one line and status 2: {about}", str(result.returncode),
               result.stderr)
    missing = tree.environment()
    missing["PATH"] = str(tree.root)
    result = subprocess.run(["/bin/sh", str(tree.root / "build/cairn"), "run"], env=missing,
                            capture_output=True, universal_newlines=True, check=False)
    tap.ok(result.returncode == 2 and len(result.stderr.splitlines()) == 1,
           "nothing on the path: one line and status 2", result.stderr)


def check_logs(tree: support.Tree) -> None:
    result = tree.cairn("run", fake="say('fine\\nCAIRN-EXIT 0\\n')")
    tap.equal(result.stderr, "", "success says nothing more")
    result = tree.cairn("run", fake="say('bad day\\n'); sys.stderr.write('emulator word\\n')")
    name = result.stderr.split("log: ")[1].strip()
    text = (tree.root / name).read_text()
    tap.ok("bad day" in text and "emulator word" in text and "qemu-system-x86_64" in text,
           "the log of a failed run is named; it has command, console and the emulator's words",
           text)
    tap.equal(list((tree.root / "out/run").iterdir()), [], "nothing else is left behind")


with support.Tree() as the_tree:
    for check in (check_status, check_ends, check_bochs, check_input, check_terminal,
                  check_orphans, check_messages, check_systems, check_logs):
        check(the_tree)
sys.exit(tap.done())
