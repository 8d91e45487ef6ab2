#!/usr/bin/env python3
"""Counts what the broker executes per message, and compares it with counts.txt. See ../README.md.

counts.py --program build/release/bin/bench_counts [--update] [--keep DIR] [--only P0]
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE.parent / "counts.txt"
TOLERANCE = 0.05
SKIPPED = 77  # what ctest takes for it
REMEDY = "cmake --build build/release --target update_counts"
HEADER = f"""\
# Instructions that the broker executes per message: g++ 12, x86_64, the preset `release`.
# Written by: {REMEDY}
"""

# The C library chooses among its versions of memcpy and the like by what the processor can do. All
# that is not part of every x86_64 is switched off for it.
PLAIN_CPU = ("AVX,AVX2,AVX2_Usable,AVX512F,AVX512VL,AVX512BW,AVX_Fast_Unaligned_Load,ERMS,FSRM,"
             "BMI1,BMI2,LZCNT,MOVBE,RTM,SSSE3,SSE4_1,SSE4_2,Prefer_No_VZEROUPPER,"
             "Fast_Unaligned_Copy,Fast_Copy_Backward")
TUNABLES = ":".join(("glibc.cpu.hwcaps=" + ",".join("-" + name for name in PLAIN_CPU.split(",")),
                     "glibc.cpu.x86_non_temporal_threshold=0xc0000",
                     "glibc.cpu.x86_rep_movsb_threshold=0x100000",
                     "glibc.cpu.x86_rep_stosb_threshold=0x100000"))


def run(program, only, directory):
    """Plays the scenarios below callgrind; what each cost is in the files that it leaves."""
    # Where the stack begins depends on the environment and on the program's name, and what is
    # aligned how depends on that: both are always the same.
    (directory / "bench_counts").symlink_to(program.resolve())
    command = [shutil.which("valgrind"), "--tool=callgrind", "--collect-atstart=no", "--quiet",
               "--vgdb=no", "--callgrind-out-file=counts.%p", "./bench_counts", *only]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True,
                            env={"GLIBC_TUNABLES": TUNABLES})
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {result.returncode}: {result.stderr}")
    costs = {}
    for file in directory.glob("counts.*"):
        text = file.read_text(errors="replace")
        trigger = re.search(r"^desc: Trigger: Client Request: (\S+)$", text, re.M)
        total = re.search(r"^(?:summary|totals): (\d+)$", text, re.M)
        if trigger and total:
            costs[trigger[1]] = int(total[1])
    figures = {}
    for line in result.stdout.splitlines():
        name, messages, about = line.split(" ", 2)
        figures[name] = (costs[name] / int(messages), about)
    return figures


def read_table():
    lines = TABLE.read_text().splitlines() if TABLE.exists() else ()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: float(figure) for name, figure, *_ in words}


def write_table(figures):
    TABLE.write_text(HEADER + "".join(f"{name:<6} {figure:8.1f}  {about}\n"
                                      for name, (figure, about) in figures.items()))


def compare(figures, table):
    """What is wrong, a line for each scenario."""
    wrong = []
    for name, (figure, about) in figures.items():
        if name not in table:
            wrong.append(f"{name} ({about}) is not in the table")
            continue
        change = figure / table[name] - 1
        print(f"{name:<6} {table[name]:8.1f} -> {figure:8.1f}  {change:+7.2%}  {about}")
        if abs(change) > TOLERANCE:
            wrong.append(
                f"{name} ({about}): {figure:.1f} instructions per message, {table[name]:.1f} in the "
                f"table: {change:+.1%}" + (
                    ", slower than it is allowed to become" if change > 0 else
                    ", better, which is to be entered so that it is not lost again"))
    return wrong + [f"{name} is in the table, but is not played" for name in table
                    if name not in figures]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--skip", metavar="WHY", help="count nothing, and say so")
    parser.add_argument("--update", action="store_true", help="rewrite the table")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR",
                        help="an empty directory for callgrind's files, for callgrind_annotate")
    parser.add_argument("--only", default="", help="one scenario, not compared with the table")
    options = parser.parse_args()
    if options.skip:
        print(f"skipped: instructions are not counted: {options.skip}")
        sys.exit(SKIPPED)

    with tempfile.TemporaryDirectory(prefix="keel-counts-") as scratch:
        directory = options.keep or pathlib.Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        figures = run(options.program, [options.only] if options.only else [], directory)
    if options.update:
        write_table(figures)
    if options.update or options.only:
        for name, (figure, about) in figures.items():
            print(f"{name:<6} {figure:8.1f}  {about}")
        return
    wrong = compare(figures, read_table())
    if wrong:
        print("\n".join(["", *wrong, "", "If that is meant to be, rewrite tests/bench/counts.txt: "
                         + REMEDY]))
        sys.exit(1)


main()
