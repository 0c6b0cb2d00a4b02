"""Our own rules for what is in this tree, each with its reason. Part of the level "checks"."""

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = ("nodeagent", "clusteradmin", "ui", "icons")
LONGEST_MODULE = 450  # lines; those we like to read have 100 to 250


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return what git tracks; in an unpacked archive, everything outside folders whose name starts with a dot."""
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
        found = [ROOT / name for name in listed if name]
    except (FileNotFoundError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if not path.relative_to(ROOT).parts[0].startswith(".")]
    return tuple(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def python_files(*folders: str) -> Iterator[Path]:
    """Yield the tracked Python files, of *folders* or of all."""
    for path in tracked_files():
        if path.suffix == ".py" and (not folders or path.relative_to(ROOT).parts[0] in folders):
            yield path


def place(path: Path, line: int | None = None) -> str:
    name = str(path.relative_to(ROOT))
    return name if line is None else f"{name}:{line}"


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Yield each call in *path* with its dotted name as written; "" stands for what is not a name."""
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Call):
            yield node, dotted(node.func)


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def comments(path: Path) -> dict[int, str]:
    """Return the comments of *path* by line."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def require_none(offenders: list[str], instead: str) -> None:
    if offenders:
        pytest.fail("\n  ".join([instead, *offenders]), pytrace=False)


MODAL = re.compile(
    r"\.exec_?$"
    r"|\bQMessageBox\.(about|aboutQt|critical|information|question|warning)$"
    r"|\bQFileDialog\.(getOpenFileNames?|getSaveFileName|getExistingDirectory)$"
    r"|\bQInputDialog\.get\w+$"
    r"|\bQ(Color|Font)Dialog\.get(Color|Font)$"
)


def test_the_window_opens_no_modal_loop() -> None:
    """A nested Qt loop under a running task stops every other task, and some never run again."""
    offenders = [
        place(path, call.lineno) for path in python_files("ui") for call, name in calls(path) if MODAL.search(name)
    ]
    require_none(offenders, "Open dialogs with open() and await their finished signal instead of:")


def constant(call: ast.Call) -> bool:
    arguments = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "delay")]
    numbers = [node.value for node in arguments if isinstance(node, ast.Constant)]
    return any(isinstance(number, (int, float)) and number > 0 for number in numbers)


def test_a_fixed_sleep_says_why() -> None:
    """Waiting a fixed time is too short on a busy machine and too long on all others: await the event."""
    offenders = []
    for path in python_files(*PRODUCT):
        said = comments(path)
        for call, name in calls(path):
            lines = range(call.lineno, (call.end_lineno or call.lineno) + 1)
            if name.split(".")[-1] == "sleep" and constant(call) and not said.keys() & set(lines):
                offenders.append(place(path, call.lineno))
    require_none(offenders, "Await an event, or say in a comment on the line why there is none:")


# Written so that no pattern matches itself.
FORBIDDEN_WORDS = {
    "a path of one machine means nothing on another": r"/wor[k]/|[.]{2}/share[d]\b|[.]librar[y]\b|/roo[t]/[.]",
    "where packages come from is each machine's own setting": (
        r"pyp[i][.]org|pythonhoste[d]|npmj[s][.]|deb[.]debia[n][.]|/opt/(pyp[i]|wheel[s])"
    ),
    "the tree speaks of the product, not of the tools of its authors": (
        r"cl[a]ude|anthro[p]ic|open[a]i\b|ch[a]tgpt|cop[i]lot"
    ),
}


@pytest.mark.parametrize("reason", FORBIDDEN_WORDS)
def test_no_file_names_what_is_not_the_products(reason: str) -> None:
    pattern = re.compile(FORBIDDEN_WORDS[reason], re.IGNORECASE)
    offenders = []
    for path in tracked_files():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), start=1):
            if found := pattern.search(line):
                offenders.append(f"{place(path, number)}: {found.group()}")
    require_none(offenders, f"Take these words out; {reason}:")


def test_modules_are_named_for_their_subject() -> None:
    """Leftovers gather under such names until nobody finds anything there."""
    leftovers = re.compile(r"(utils?|helpers?|misc|common|stuff)(_.*)?|.*_(utils?|helpers?)")
    offenders = []
    for path in tracked_files():
        parts = [*path.relative_to(ROOT).parts[:-1], path.stem]
        if any(leftovers.fullmatch(part.lower()) for part in parts):
            offenders.append(place(path))
    require_none(offenders, "Name these for their subject:")


def test_every_product_module_says_its_subject() -> None:
    """The first line of a module's docstring is what somebody who looks for a place reads."""
    offenders = []
    for path in python_files(*PRODUCT):
        docstring = ast.get_docstring(ast.parse(path.read_bytes()))
        if not docstring or not docstring.splitlines()[0].strip():
            offenders.append(place(path))
    require_none(offenders, "Give these a docstring that says their subject:")


def test_no_module_grows_too_long() -> None:
    """A long module has several subjects: look for the seam."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    offenders = [f"{place(path)}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST_MODULE]
    require_none(offenders, f"Split these; {LONGEST_MODULE} lines are the limit:")


def test_ignored_type_errors_are_named() -> None:
    """A bare one hides errors that come later, too."""
    bare = re.compile(r"#\s*type:\s*ignore(?!\[)")
    offenders = [
        place(path, line) for path in python_files() for line, text in comments(path).items() if bare.search(text)
    ]
    require_none(offenders, "Write type: ignore[code] here:")


def test_every_folder_with_python_is_type_checked() -> None:
    """mypy refuses a folder without modules, so one is added to its list together with its first module."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    checked = set(settings["tool"]["mypy"]["files"])
    folders = {path.relative_to(ROOT).parts[0] for path in python_files()}
    require_none(sorted(folders - checked), "Add these to files of [tool.mypy] in pyproject.toml:")


def test_programs_can_be_started() -> None:
    """A file with an interpreter in its first line is a program; the README tells people to start it by name."""
    programs = [path for path in tracked_files() if path.read_bytes()[:2] == b"#!"]
    assert programs, "tests/run at least is a program"
    require_none([place(path) for path in programs if not path.stat().st_mode & 0o111], "Make these executable:")


IMPORT_EACH = """
import importlib, sys, traceback
failed = 0
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException:
        failed += 1
        print(f"{name}:", traceback.format_exc(limit=-1), sep=chr(10))
sys.exit(failed > 0)
"""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def qt_is_missing() -> str:
    """Say why PySide6 cannot be loaded here, or nothing when it can."""
    probe = [sys.executable, "-c", "import PySide6.QtWidgets, qasync"]
    errors = subprocess.run(probe, capture_output=True, text=True, check=False).stderr.splitlines()
    return errors[-1] if errors else ""


@pytest.mark.parametrize("package", PRODUCT)
def test_every_module_can_be_imported(package: str) -> None:
    """Also those that no test touches, and without a warning; importing starts nothing."""
    if package == "ui" and (problem := qt_is_missing()):
        pytest.skip(f"Qt is missing here: {problem}")
    modules = sorted(module_name(path) for path in python_files(package))
    assert modules, f"{package} has no module"
    command = [sys.executable, "-W", "error", "-c", IMPORT_EACH, *modules]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"These cannot be imported:\n{done.stdout}{done.stderr}", pytrace=False)


def test_nobody_waits_with_a_function_that_can_swallow_a_cancellation() -> None:
    """asyncio.wait_for of Python 3.11 may return instead of being cancelled; use asyncio.timeout."""
    found = [
        f"{path}:{number}"
        for path in ROOT.rglob("*.py")
        if path.relative_to(ROOT).parts[0] in ("nodeagent", "clusteradmin", "ui")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "asyncio.wait_for(" in line
    ]
    assert not found, found
