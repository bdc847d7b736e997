"""Measures how readable the house is: `python scripts/house.py [FOLDER]` prints one figure a line.

It reads the files that git tracks, as text; tests, migrations and vendored files are left out,
except where a line says otherwise.
"""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

LONG = 120  # characters of a line in a template or stylesheet
NOT_VERBS = frozenset(
    # pronouns, prepositions and the like
    "of by as at in on for from with without between beside beyond since until after before"
    " than to into it itself its they them their he she who whom whose what which where when why"
    " how that this these those each every everybody everyone everything nobody nothing none"
    " anybody anything somebody something one ones other others another both all any some"
    " such own mine ours here there"
    # adverbs
    " again once twice instead only now later just away already still together ever never"
    " alike apart aside back first last next soon too yet"
    # irregular participles
    " said told lost found kept held made done given taken shown known written begun sent seen"
    " left met meant brought bought caught taught thought led read_out understood undone drawn"
    " grown thrown torn worn spoken broken chosen frozen forgotten gotten hidden ridden risen"
    " driven proven woken built spent lent bent paid laid heard sold stood won sat put_back"
    " gone come_back become".split()
)
VERBS_ALL_THE_SAME = frozenset(
    [
        "need",
        "feed",
        "seed",
        "speed",
        "embed",
        "shed",
        "wed",
        "bleed",
        "breed",
        "proceed",
        "exceed",
        "succeed",
        "bring",
        "ring",
        "sing",
        "string",
        "swing",
        "ping",
        "wing",
        "sling",
        "spring",
        "king",
        "thing",
        "apply",
        "reply",
        "tally",
        "rely",
        "supply",
        "multiply",
    ]
)


def tracked(root: Path, *patterns: str) -> list[PurePath]:
    """The files that git tracks there, of these patterns, without vendored ones."""
    listing = subprocess.run(
        ["git", "ls-files", "--", *patterns], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    return [PurePath(line) for line in listing.splitlines() if "vendor/" not in line]


def python_files(root: Path) -> list[PurePath]:
    """Our own Python, without tests and migrations."""
    apart = {"migrations", "tests"}
    return [path for path in tracked(root, "*.py") if apart.isdisjoint(path.parts)]


def long_lines(root: Path, *patterns: str) -> tuple[int, int]:
    """Lines over 120 characters in those files, and all lines."""
    lines = [
        line for path in tracked(root, *patterns) for line in (root / path).read_text().splitlines()
    ]
    return sum(len(line) > LONG for line in lines), len(lines)


def functions(root: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method."""
    for path in python_files(root):
        for node in ast.walk(ast.parse((root / path).read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is read like an attribute, or makes an object: a noun is right for those."""
    names = {ast.unparse(each).split("(")[0].split(".")[-1] for each in function.decorator_list}
    return bool(names & {"property", "cached_property", "classmethod", "setter"})


def is_no_verb(name: str) -> bool:
    """Whether a function is named by a participle, an adverb or a pronoun."""
    first = name.strip("_").split("_")[0]
    looks_so = re.search(r"[a-z]{2}(ed|ing|ly)$", first) and first not in VERBS_ALL_THE_SAME
    return first in NOT_VERBS or bool(looks_so)


def named_unlike_verbs(root: Path) -> tuple[list[str], int]:
    """The functions that are named so, and how many functions there are."""
    names = [
        each.name
        for each in functions(root)
        if not (each.name.startswith("__") or is_property(each))
    ]
    return [name for name in names if is_no_verb(name)], len(names)


def fullest_folders(root: Path) -> list[tuple[str, int]]:
    """Folders by how many files they hold, tests included, migrations apart."""
    folders = Counter(
        str(path.parent)
        for path in tracked(root, "*.py", "*.html", "*.js", "*.css")
        if "migrations" not in path.parts
    )
    return folders.most_common(5)


def annotations_with_any(root: Path) -> int:
    """How often an annotation says `Any`."""
    count = 0
    for function in functions(root):
        every = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
        every += [each for each in (function.args.vararg, function.args.kwarg) if each]
        hints = [each.annotation for each in every] + [function.returns]
        count += sum(
            isinstance(node, ast.Name) and node.id == "Any"
            for hint in hints
            if hint
            for node in ast.walk(hint)
        )
    return count


def main() -> None:
    """Print every figure."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    for what, patterns in (("templates", ("templates/*.html",)), ("CSS", ("static/look/*.css",))):
        long, lines = long_lines(root, *patterns)
        print(f"lines over {LONG} characters in {what}: {long} of {lines}")
    unlike, all_functions = named_unlike_verbs(root)
    share = len(unlike) / all_functions
    print(f"functions named by participle, adverb or pronoun: {share:.0%} of {all_functions}")
    lengths = sorted((each.end_lineno or each.lineno) - each.lineno + 1 for each in functions(root))
    tenths = statistics.quantiles(lengths, n=10)
    print(f"lines of a function: median {statistics.median(lengths):.0f}, p90 {tenths[8]:.0f}")
    print(f"annotations with Any: {annotations_with_any(root)}")
    sizes = {path: len((root / path).read_text().splitlines()) for path in python_files(root)}
    print(
        f"lines of Python: {sum(sizes.values())}; files over 300: {sum(n > 300 for n in sizes.values())}"
    )
    rooms = re.compile(r"^(approvals|escalations|reviews|plans|pages|dashboard)/")
    in_rooms = sum(n for path, n in sizes.items() if rooms.match(str(path)))
    print(f"of which patterns, pages and dashboard: {in_rooms}")
    print("fullest folders: " + ", ".join(f"{name} {n}" for name, n in fullest_folders(root)))
    if "--names" in sys.argv:
        print(*sorted(unlike))


if __name__ == "__main__":
    main()
