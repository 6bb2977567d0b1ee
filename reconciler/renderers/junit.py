"""Problems as JUnit XML: a test suite for each file and a test case for each document, so that CI shows a history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from reconciler.renderers import escape, results
from reconciler.renderers.style import Style
from reconciler.vocabulary.model import Checked, Problem, Severity

_Place = tuple[str, int]
"""A file and the index of a document in it."""


def problems(checked: Sequence[Checked], style: Style) -> str:  # noqa: ARG001 - the shape every form has
    """Return one XML document. A document with errors failed; warnings stand in its output.

    The form is what GitLab and Jenkins read: testsuites/testsuite/testcase, with counts at each suite.
    """
    report = Element("testsuites", name="reconciler validate")
    for each in checked:
        names = {(place.file, index): address for place, index, address in each.documents}
        found: dict[_Place, list[Problem]] = defaultdict(list)
        for problem in results.in_order(each.problems):
            at = results.place(problem).file, problem.document
            found[at if at in names else (at[0], 0)].append(problem)
        for file in sorted({file for file, _ in (*names, *found)}):
            suite = SubElement(report, "testsuite", name=escape.visible(each.prefix + file) or "reconciler")
            for at in sorted({at for at in (*names, *found) if at[0] == file}):
                _case(suite, names.get(at, "") or f"document {at[1] + 1}", found.get(at, ()))
            suite.set("tests", str(len(suite)))
            suite.set("failures", str(len(suite.findall("testcase/failure"))))
    ElementTree.indent(report)
    return ElementTree.tostring(report, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: Element, name: str, found: Sequence[Problem]) -> None:
    case = SubElement(suite, "testcase", name=escape.visible(name), classname=suite.get("name", ""))
    wrong = [problem for problem in found if problem.severity is Severity.ERROR]
    if wrong:
        first = escape.visible(results.sentence(wrong[0]))
        failure = SubElement(case, "failure", message=first, type=escape.visible(wrong[0].rule))
        failure.text = "\n".join(_line(problem) for problem in wrong)
    warnings = [_line(problem) for problem in found if problem.severity is not Severity.ERROR]
    if warnings:
        SubElement(case, "system-out").text = "\n".join(warnings)


def _line(problem: Problem) -> str:
    where = f"{results.place(problem)}: " if results.place(problem).file else ""
    return escape.visible(f"{where}{problem.severity.value}: {results.sentence(problem)} [{problem.rule}]")
