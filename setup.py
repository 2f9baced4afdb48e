"""Build the native floor: Cython modules over C micro-kernels, one object per instruction set.

Switches (environment):
    CNNFAST_OPENMP=0      build without threads on purpose
    CIBUILDWHEEL=1        a wheel build: missing OpenMP is an error, not a warning
    CNNFAST_BUILD=debug   bounds checks, no optimisation, address and undefined sanitizers
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

KERNELS = Path("src/cnnfast/_kernels")
# What Cython writes for memoryviews, once for all modules: they take 5 MB instead of 12.
SHARED = "cnnfast._kernels._cyutility"
DEBUG = os.environ.get("CNNFAST_BUILD") == "debug"

COMPILE_FLAGS = {
    # FMA only where an intrinsic asks for it, so that results are ours: no contraction.
    "unix": ["-O3", "-g0", "-std=c11", "-fvisibility=hidden", "-fno-math-errno",
             "-fno-trapping-math", "-ffp-contract=off", "-fno-lto"],
    # /GL- : link-time optimisation would move code of one instruction set into another.
    "msvc": ["/O2", "/std:c11", "/fp:precise", "/GL-"],
}
DEBUG_FLAGS = ["-O1", "-g", "-std=c11", "-ffp-contract=off", "-fsanitize=address,undefined"]

ISA_FLAGS = {
    "unix": {
        "base": [],
        "neon": [],
        "avx2": ["-mavx2", "-mfma", "-mf16c"],
        "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512cd",
                   "-mavx2", "-mfma", "-mf16c"],
    },
    "msvc": {"base": [], "neon": [], "avx2": ["/arch:AVX2"], "avx512": ["/arch:AVX512"]},
}

# (compile flags, link flags) to try in turn; the first that compiles and links is taken.
OPENMP_FLAGS = {
    "unix": [(["-fopenmp"], ["-fopenmp"]), (["-Xpreprocessor", "-fopenmp"], ["-lomp"])],
    "msvc": [(["/openmp"], [])],
}
OPENMP_PROBE = """
#include <omp.h>
int main(void) {
    int threads = 0;
    #pragma omp parallel reduction(+:threads)
    threads += omp_get_num_threads() > 0;
    return threads < 1;
}
"""


class BuildExtensions(build_ext):
    """Compile each isa/*.c with flags of its own, and everything with OpenMP where it works."""

    def finalize_options(self) -> None:
        """Let compilers run on all cores unless told otherwise."""
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count()

    def build_extensions(self) -> None:
        """Settle compiler flags once, then build."""
        kind = "msvc" if self.compiler.compiler_type == "msvc" else "unix"
        openmp_compile, openmp_link = self.find_openmp(kind)
        for extension in self.extensions:
            extension.extra_compile_args += DEBUG_FLAGS if DEBUG else COMPILE_FLAGS[kind]
            extension.extra_compile_args += openmp_compile
            extension.extra_link_args += openmp_link
            if DEBUG:
                extension.extra_link_args.append("-fsanitize=address,undefined")
            if extension.name.endswith(".dispatch"):
                extension.extra_objects += self.compile_tables(extension, kind)
        super().build_extensions()

    def compile_tables(self, extension: Extension, kind: str) -> list[str]:
        """Compile the micro-kernels once per instruction set.

        A source of its own each: setuptools keys objects by source path and would silently
        reuse one object for two sets of flags.
        """
        flags = DEBUG_FLAGS if DEBUG else COMPILE_FLAGS[kind]

        def compile_table(isa: str) -> list[str]:
            objects: list[str] = self.compiler.compile(
                [str(KERNELS / "isa" / f"{isa}.c")],
                output_dir=self.build_temp,
                depends=extension.depends,
                extra_postargs=flags + self.for_this_machine(isa, ISA_FLAGS[kind][isa]),
            )
            return objects

        with ThreadPoolExecutor(max_workers=self.parallel or 1) as pool:
            return list(chain.from_iterable(pool.map(compile_table, ISA_FLAGS[kind])))

    def for_this_machine(self, isa: str, flags: list[str]) -> list[str]:
        """Drop x86 flags where the target is another architecture (the file is empty there)."""
        x86 = any(name in self.plat_name for name in ("x86_64", "amd64"))
        return flags if x86 or not isa.startswith("avx") else []

    def find_openmp(self, kind: str) -> tuple[list[str], list[str]]:
        """Return the first OpenMP flags that compile and link, or none."""
        if os.environ.get("CNNFAST_OPENMP") == "0":
            return [], []
        for compile_flags, link_flags in OPENMP_FLAGS[kind]:
            if self.links(compile_flags, link_flags):
                return compile_flags, link_flags
        message = "cnnfast: no OpenMP found with this compiler; kernels will use one thread"
        if os.environ.get("CIBUILDWHEEL") == "1":
            raise SystemExit(message + ", which a wheel must not")
        warnings.warn(message, stacklevel=1)
        return [], []

    def links(self, compile_flags: list[str], link_flags: list[str]) -> bool:
        """Whether the OpenMP probe compiles and links with these flags."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(OPENMP_PROBE)
            try:
                objects = self.compiler.compile(
                    [str(source)], output_dir=folder, extra_postargs=compile_flags
                )
                self.compiler.link_executable(
                    objects, "probe", output_dir=folder, extra_postargs=link_flags
                )
            except (CompileError, LinkError):
                return False
        return True


def extensions() -> list[Extension]:
    """Return one extension per .pyx; dispatch also carries the CPU probe and the tables."""
    headers = sorted(str(path) for pattern in ("*.h", "*.inc", "micro/*.h", "isa/*.c")
                     for path in KERNELS.glob(pattern))
    return [
        Extension(
            f"cnnfast._kernels.{path.stem}",
            [str(path)] + ([str(KERNELS / "cpu.c")] if path.stem == "dispatch" else []),
            include_dirs=[str(KERNELS)],
            depends=headers,
            extra_compile_args=[],
            extra_link_args=[],
        )
        for path in sorted(KERNELS.glob("*.pyx"))
    ]


DIRECTIVES: dict[str, Any] = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": True,
    "embedsignature": True,
    "freethreading_compatible": True,
}

setup(
    ext_modules=cythonize(
        [*extensions(), Extension(SHARED, [])],
        shared_utility_qualified_name=SHARED,
        compiler_directives=DIRECTIVES,
        build_dir="build/cython",
        quiet="-v" not in sys.argv,
    ),
    cmdclass={"build_ext": BuildExtensions},
)
