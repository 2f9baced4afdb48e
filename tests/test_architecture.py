"""The house: who may import whom, and what no file may hold.

Checkers are pure functions from text to a list of complaints, each tried on a small bad example
before it is let loose on the sources.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src"
PACKAGE = SOURCES / "cnnfast"
KERNELS = PACKAGE / "_kernels"
LONGEST_FILE = 400

if not PACKAGE.exists():
    pytest.skip("an installed wheel is tested, without its sources", allow_module_level=True)

# From the ground up. What is not named here is a registry and lives on the floor of the ops.
STAIRCASE = (
    ("_kernels",),
    ("ops",),
    ("engine",),
    ("layers",),
    ("models",),
    ("training", "callbacks"),
    ("saving",),
    ("",),  # cnnfast itself: the public names
    ("cli", "demo", "__main__"),
)
FLOORS = {part: floor for floor, parts in enumerate(STAIRCASE) for part in parts}
REGISTRY_FLOOR = FLOORS["ops"]

# Model.save, save_weights and load_weights are methods because Keras made them so.
UPWARD = {
    ("cnnfast.models.model", "cnnfast.saving"),
    ("cnnfast.models.trainable", "cnnfast.training"),
}

FORBIDDEN = ("tensorflow", "keras", "torch", "jax")
# Libraries that cost a user of `predict` nothing until a function needs them.
LATE = (
    "cnnfast._kernels.conv", "cnnfast._kernels.noise", "cnnfast.engine.training_plan", "difflib",
    "h5py", "hashlib", "matplotlib", "numpy.random", "rich", "shutil", "zipfile",
)  # fmt: skip

# Where each family of kernels.inc is tried against its NumPy twin.
KERNEL_TESTS = {
    "GEMM": ("test_dense.py", "test_conv.py"),
    "ACTIVATION": ("test_elementwise.py",),
    "ROW": ("test_rows.py",),
    "POOL": ("test_pool.py",),
    "PAIR": ("test_elementwise.py",),
    "BLOCK": ("test_lanes.py",),
    "POOLED": ("test_epilogue.py",),
    "QUAD": ("test_quads.py",),
    "TAPS": ("test_depthwise_gradient.py",),
    "SPARSE": ("test_sparse_gradient.py",),
    "UPDATE": ("test_optimizer.py",),
    "REPLAY": ("test_row_updates.py",),
    "NOISE": ("test_noise.py",),
}

CYTHON_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+)?c?import\s+([\w.]+)?", re.MULTILINE)
ENVIRONMENT_WRITE = re.compile(
    r"environ\s*\[\s*['\"](?:OMP|KMP|GOMP)_\w*['\"]\s*\]\s*=(?!=)"
    r"|(?:setdefault|putenv|setenv|_putenv_s)\s*\(\s*['\"](?:OMP|KMP|GOMP)_"
    r"|environ\s*\.\s*update\s*\([^)]*\b(?:OMP|KMP|GOMP)_"
    r"|\bomp_set_num_threads\s*\("
)


def floor_of(module: str) -> int:
    """Return the floor of a module of the package."""
    part = [*module.split("."), ""][1]
    return FLOORS.get(part, REGISTRY_FLOOR)


def imports_of(source: str) -> Iterator[str]:
    """Name what Python source imports, inside functions and for type checkers too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            if module == "cnnfast":
                yield from (_public_or_submodule(alias.name) for alias in node.names)
            else:
                yield module


def _public_or_submodule(name: str) -> str:
    is_module = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()
    return f"cnnfast.{name}" if is_module else "cnnfast"


def cython_imports_of(source: str) -> Iterator[str]:
    """Name what Cython source imports and cimports."""
    for match in CYTHON_IMPORT.finditer(source):
        yield match.group(1) or match.group(2)


def climbs(module: str, imported: list[str]) -> list[str]:
    """Complain about imports of a module that go up the stairs, or are relative."""
    relative = [f"{module} imports {name} relatively" for name in imported if name[0] == "."]
    upward = [
        f"{module} (floor {floor_of(module)}) imports {name} (floor {floor_of(name)})"
        for name in imported
        if name.split(".")[0] == "cnnfast"
        and floor_of(name) > floor_of(module)
        and (module, name) not in UPWARD
    ]
    return relative + upward


def strangers(module: str, imported: list[str]) -> list[str]:
    """Complain about imports of other engines."""
    return [f"{module} imports {name}" for name in imported if name.split(".")[0] in FORBIDDEN]


def environment_writes(source: str) -> list[str]:
    """Find where source reconfigures the host's OpenMP."""
    return [match.group(0) for match in ENVIRONMENT_WRITE.finditer(source)]


def is_seen_by_python(cython_source: str) -> bool:
    """Tell whether a Cython module defines anything that Python can call."""
    return re.search(r"^(?:def|class|cpdef|cdef class)\s", cython_source, re.MULTILINE) is not None


def families_of(kernel_list: str) -> set[str]:
    """Name the lists that kernels.inc offers."""
    return set(re.findall(r"^#ifdef (\w+)", kernel_list, re.MULTILINE))


def module_name(path: Path) -> str:
    """Name the module that a source file is."""
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files(*patterns: str, under: Path = PACKAGE) -> list[Path]:
    """List source files."""
    return sorted(path for pattern in patterns for path in under.rglob(pattern))


def all_imports() -> dict[str, list[str]]:
    """Return the imports of every module of the package, Python and Cython."""
    found = {module_name(path): list(imports_of(path.read_text("utf8"))) for path in files("*.py")}
    for path in files("*.pyx", "*.pxd"):
        imported = cython_imports_of(path.read_text("utf8"))
        found.setdefault(module_name(path), []).extend(imported)
    return found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("cnnfast.ops.dense", "from cnnfast.engine.graph import Graph"),
        ("cnnfast.engine.plan", "def late():\n    import cnnfast.layers.core"),
        ("cnnfast.engine.plan", "if TYPE_CHECKING:\n    from cnnfast import models"),
        ("cnnfast.saving.load", "from cnnfast import load_model"),
        ("cnnfast.activations", "from cnnfast.layers import Dense"),
        ("cnnfast.engine.plan", "from . import graph"),
        ("cnnfast.models.summary", "from cnnfast.saving import load_weights"),
    ],
)
def test_climbs_upward_or_relative_import_is_reported(module: str, source: str) -> None:
    assert len(climbs(module, list(imports_of(source)))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("cnnfast.engine.plan", "from cnnfast.ops import dense\nimport cnnfast.engine.graph"),
        ("cnnfast.ops.dense", "from cnnfast import activations, threads"),
        ("cnnfast.models.model", "from cnnfast.saving import load_weights"),
        ("cnnfast.cli", "import cnnfast\nfrom cnnfast import config, demo, load_model"),
        ("cnnfast.ops.dense", "import numpy as np"),
    ],
)
def test_climbs_downward_import_is_accepted(module: str, source: str) -> None:
    assert climbs(module, list(imports_of(source))) == []


def test_climbs_upward_cimport_is_reported() -> None:
    source = "cimport cython\nfrom cnnfast.ops.dense cimport Dense\ncimport cnnfast.engine.plan\n"
    assert len(climbs("cnnfast._kernels.dense", list(cython_imports_of(source)))) == 2


def test_strangers_other_engines_are_reported() -> None:
    source = "import keras.layers\nfrom tensorflow import nn\nimport numpy, kerastuner"
    assert len(strangers("cnnfast.layers.core", list(imports_of(source)))) == 2


@pytest.mark.parametrize(
    "source",
    [
        'os.environ["OMP_NUM_THREADS"] = "1"',
        "os.environ.setdefault('KMP_DUPLICATE_LIB_OK', 'TRUE')",
        'os.putenv("GOMP_SPINCOUNT", "0")',
        'os.environ.update({"OMP_NUM_THREADS": "1"})',
        'setenv("OMP_PROC_BIND", "true", 1);',
        "omp_set_num_threads(4);",
    ],
)
def test_environment_writes_to_openmp_are_reported(source: str) -> None:
    assert len(environment_writes(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        'limit = os.environ.get("OMP_NUM_THREADS")',
        'if os.environ["OMP_NUM_THREADS"] == "1": pass',
        'os.environ["CNNFAST_ISA"] = "base"',
        "threads = omp_get_max_threads()",
    ],
)
def test_environment_writes_reading_is_accepted(source: str) -> None:
    assert environment_writes(source) == []


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("def run():\n    pass", True),
        ("cdef class Dense(Kernel):\n    pass", True),
        ("cdef void pack() noexcept nogil:\n    pass\n    def_value = 1", False),
    ],
)
def test_is_seen_by_python_only_where_something_is_defined(source: str, seen: bool) -> None:
    assert is_seen_by_python(source) is seen


def test_families_of_every_list_is_found() -> None:
    assert families_of("#ifdef GEMM\nGEMM(1)\n#endif\n#ifdef POOL /* x */\n#endif") == {
        "GEMM",
        "POOL",
    }


def test_imports_of_the_package_only_go_down_the_stairs() -> None:
    complaints = [text for module, names in all_imports().items() for text in climbs(module, names)]
    assert complaints == []


def test_imports_of_the_package_the_named_upward_edge_is_still_needed() -> None:
    edges = {(module, name) for module, names in all_imports().items() for name in names}
    assert edges >= UPWARD


def test_imports_of_the_package_name_no_other_engine() -> None:
    found = [text for module, names in all_imports().items() for text in strangers(module, names)]
    assert found == []


def test_sources_leave_the_openmp_of_the_host_alone() -> None:
    found = {
        str(path.relative_to(ROOT)): writes
        for path in files("*.py", "*.pyx", "*.pxd", "*.h", "*.c")
        if (writes := environment_writes(path.read_text("utf8")))
    }
    assert found == {}


def test_files_are_no_longer_than_the_house_allows() -> None:
    patterns = ("*.py", "*.pyx", "*.pxd", "*.pyi", "*.h", "*.inc", "*.c")
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf8").splitlines())
        for folder in (PACKAGE, ROOT / "tests")
        for path in files(*patterns, under=folder)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_cython_modules_have_stubs() -> None:
    missing = [
        path.name
        for path in files("*.pyx")
        if is_seen_by_python(path.read_text("utf8")) and not path.with_suffix(".pyi").exists()
    ]
    assert missing == []


def test_kernel_families_have_tests() -> None:
    families = families_of((KERNELS / "kernels.inc").read_text("utf8"))
    assert families == set(KERNEL_TESTS)
    names = {name for tests in KERNEL_TESTS.values() for name in tests}
    folder = Path(__file__).parent / "_kernels"
    without = [
        name
        for name in sorted(names)
        if not (folder / name).exists() or "isa" not in (folder / name).read_text("utf8")
    ]
    assert without == []


def test_type_checkers_know_every_kernel_that_has_types() -> None:
    listed = set(re.findall(r"import (\w+) as", (KERNELS / "__init__.pyi").read_text("utf8")))
    assert listed == {path.stem for path in KERNELS.glob("*.pyi")} - {"__init__"}


def test_kernels_package_has_no_attribute_that_is_no_module() -> None:
    from cnnfast import _kernels

    assert not hasattr(_kernels, "missing")
    assert _kernels.layout is sys.modules["cnnfast._kernels.layout"]


def test_import_of_the_package_loads_no_library_it_may_not_need() -> None:
    assert late_after("") == "[]"


def test_model_with_given_weights_draws_no_random_numbers() -> None:
    program = """
    from cnnfast.layers import Dense
    model = cnnfast.Sequential([cnnfast.Input((3,)), Dense(2)])
    model.set_weights([[[1, 2], [3, 4], [5, 6]], [7, 8]])
    model.predict([[1.0, 2.0, 3.0]], verbose=0)
    """
    assert late_after(textwrap.dedent(program)) == "[]"


def late_after(program: str) -> str:
    """Run a program that uses cnnfast, and list what it loaded of what it could do without."""
    program = f"import cnnfast, sys\n{program}\n"
    program += f"print([name for name in {LATE} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return result.stdout.strip()
