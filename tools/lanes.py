"""Run the tests with other libraries than the lock's: the oldest or the newest that pyproject.toml allows.

    python -m tools.lanes oldest
    python -m tools.lanes newest

A lane gets a virtual environment of its own below `.lanes/`, made anew each time. It never changes the lock. `oldest`
takes the lower bound of each library that the product names; other packages stay at the lock where they can. Google's
clients, the generator that reads them, and check-jsonschema ask for newer libraries than the product does: the files of
tests that use them are left out there. `newest` where nothing is newer than the lock runs nothing.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping

from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOCKED = ROOT / "requirements" / "dev.txt"
_LINE = re.compile(r"^(?=[a-z0-9])[^\\\n]+", re.MULTILINE | re.IGNORECASE)
_OF_OTHERS = re.compile(
    r"^\s*(from|import) (google\.cloud|googleapiclient)\b|import_module\(f?\"(google\.cloud|googleapiclient)\b"
    r"|\"check_jsonschema\"|\"tools\.schemas\b",
    re.MULTILINE,
)
_OURS = re.compile(r"^\s*from ((?:tests|tools)[.\w]*) import ([^\n]+)|^\s*import ((?:tests|tools)[.\w]+)", re.MULTILINE)


def versions(text: str) -> dict[str, str]:
    """Read the version of every package from a lock or a resolution, as far as it holds for this machine."""
    found = (Requirement(line.strip()) for line in _LINE.findall(text))
    return {
        each.name: next(iter(each.specifier)).version for each in found if not each.marker or each.marker.evaluate()
    }


def moved(locked: Mapping[str, str], resolved: Mapping[str, str]) -> tuple[str, ...]:
    """Say which packages a resolution has at another version than the lock, or has alone."""
    return tuple(
        f"{name} {locked.get(name, 'none')} -> {version}"
        for name, version in sorted(resolved.items())
        if locked.get(name) != version
    )


def tests_of_others(root: pathlib.Path = ROOT) -> tuple[pathlib.Path, ...]:
    """Find the files of tests that use programs which ask for newer libraries than the product, through any helper."""
    known: dict[pathlib.Path, bool] = {}

    def uses(path: pathlib.Path) -> bool:
        if path not in known:
            known[path] = False  # two helpers that import each other decide nothing
            text = path.read_text(encoding="utf-8")
            known[path] = bool(_OF_OTHERS.search(text)) or any(map(uses, _helpers(root, text)))
        return known[path]

    return tuple(path for path in sorted((root / "tests").rglob("test_*.py")) if uses(path))


def _helpers(root: pathlib.Path, text: str) -> list[pathlib.Path]:
    """Return the files of tests/ and tools/ that a module imports."""
    names: set[str] = set()
    for package, members, module in _OURS.findall(text):
        names |= {
            package or module,
            *(f"{package}.{each.split()[0]}" for each in members.strip("()").split(",") if each.strip()),
        }
    files = (root.joinpath(*name.split(".")).with_suffix(".py") for name in names if name)
    return [file for file in sorted(files) if file.is_file()]


def _uv(*arguments: object) -> None:
    program = pathlib.Path(sys.executable).parent / "uv"
    subprocess.run([str(part) for part in (program, *arguments)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def _resolve(out: pathlib.Path, *arguments: object) -> None:
    """Resolve what the project needs for this machine. Versions that stand in `out` are kept where they fit."""
    common = ("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python", sys.executable)
    _uv(*common, "pyproject.toml", "--group", "build", *arguments, "--output-file", out)


def oldest(folder: pathlib.Path) -> pathlib.Path:
    """Resolve the lower bounds of the product's libraries, and around them as much of the lock as fits."""
    bounds, out = folder / "bounds.txt", folder / "requirements.txt"
    _resolve(bounds, "--resolution", "lowest-direct")
    shutil.copy(LOCKED, out)
    _resolve(out, "--group", "discovery", "--group", "tools", "--constraint", bounds)
    return out


def newest(folder: pathlib.Path) -> pathlib.Path:
    """Resolve everything anew, as `make lock` would."""
    out = folder / "requirements.txt"
    _resolve(out, "--group", "dev")
    return out


LANES: Mapping[str, Callable[[pathlib.Path], pathlib.Path]] = {"oldest": oldest, "newest": newest}


def _python(folder: pathlib.Path, requirements: pathlib.Path) -> pathlib.Path:
    """Make the lane's environment and return its Python."""
    python = folder / "venv" / "bin" / "python"
    _uv("venv", "--quiet", "--python", sys.executable, folder / "venv")
    _uv("pip", "sync", "--quiet", "--python", python, requirements)
    _uv("pip", "install", "--quiet", "--python", python, "--no-index", "--no-deps", "--no-build-isolation", "-e", ROOT)
    return python


def run(name: str) -> int:
    """Run one lane and return its exit code: that of pytest, 0 where there was nothing to try."""
    folder = ROOT / ".lanes" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    requirements = LANES[name](folder)
    resolved = versions(requirements.read_text(encoding="utf-8"))
    against = moved(versions(LOCKED.read_text(encoding="utf-8")), resolved)
    print(f"{name}: {len(resolved)} packages, {len(against)} of them not as locked: {', '.join(against) or 'none'}")
    if name == "newest" and not against:
        print("newest: the lock is the newest there is, and `make test` tries it")
        return 0
    left_out = tests_of_others() if name == "oldest" else ()
    for path in left_out:
        print(f"{name}: left out: {path.relative_to(ROOT)}")
    arguments = ("-m", "pytest", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder", "-p", "no:cacheprovider")
    ignored = (f"--ignore={path}" for path in left_out)
    done = subprocess.run([str(_python(folder, requirements)), *arguments, *ignored], cwd=ROOT, check=False)
    if done.returncode:
        print(f"{name}: FAILED with other versions than the lock's: {', '.join(against)}", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in LANES:
        sys.exit(f"usage: python -m tools.lanes {'|'.join(LANES)}")
    try:
        sys.exit(run(sys.argv[1]))
    except subprocess.CalledProcessError as failed:
        sys.exit(f"{sys.argv[1]}: {' '.join(failed.cmd[:3])} ended with {failed.returncode}; nothing was tested")
