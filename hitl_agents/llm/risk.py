"""Reading how much harm a model says that an action can do: never less than it says.

One word was asked for. What is more than that is read carefully: the highest level that is named
counts, and where a text may mean more than it names ("not low", "at least medium", a sentence in
a language that is not known here), nothing is read, and a person is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hitl_agents.llm.answers import Answer
from hitl_agents.llm.objects import objects_in
from ledger.risk import RiskLevel

LEVELS = frozenset(RiskLevel.values)
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
LATIN = re.compile(r"[a-z'’]+")
SHARE = re.compile(r"\d\s*+[/%]")
NAMES = frozenset(
    [
        *("risk", "risk_level", "risklevel", "level", "severity", "rating", "assessment", "harm"),
        *("answer", "result", "value", "response", "output"),
    ]
)
# What may stand beside a level and changes nothing, in the languages that people here write.
NEUTRAL = """
    risk risks level rating assessment assessed as answer result severity overall final the this that
    is it a an of to or and my action be would i s it's that's very extremely json text risky
    das die der dieses diese dieser ist risiko risikostufe stufe ein eine einstufung antwort sehr bis
    und oder für aktion bewertung
    le la les ce cette est c'est risque niveau un une du de réponse très à et ou évaluation
    el lo es este esta riesgo nivel una respuesta muy y o evaluación
    il rischio livello è questo questa risposta molto e valutazione
    os esse essa é risco nível resposta muito avaliação
    het dit deze een van risico antwoord zeer tot en beoordeling
    风险 风险等级 等级 级别 リスク 위험
"""
# Words by which an English sentence is known for one, and no other language has.
ENGLISH_ALONE = """
    the this it its because since which would only and writes sends reaches affects changes
    workspace people undone
"""
# Words with which a sentence may mean more than the level that it names.
CHANGING = """
    no not non none never neither nor nothing cannot without hardly barely far isn't wasn't don't
    doesn't can't couldn't won't wouldn't shouldn't aren't ain't isnt dont cant
    nicht kein keine keinesfalls nie pas jamais aucun nunca ningún ningun mai nessun nem não nao niet
    geen inte ikke
    than above beyond over exceeds exceed exceeding least minimum more higher greater worse upward
    upwards up rather instead mindestens über moins plus más menos più almeno mais pelo minstens
    but however although though unless except if otherwise until when while despite yet still
    could might may maybe perhaps possibly probably potentially likely unsure uncertain unclear
    unknown unable impossible determine depends depending sometimes usually
    severe severely serious extreme catastrophic dangerous fatal irreversible irreparable
    unacceptable wrong false incorrect mistaken underestimate underestimated understatement
    sorry refuse assume assuming assumed claims claimed supposedly pretend say says said
"""
FILLERS, ENGLISH, DOUBTFUL = (
    frozenset(words.split()) for words in (NEUTRAL, ENGLISH_ALONE, CHANGING)
)


def read_risk(answer: Answer) -> RiskLevel | None:
    """The level that an answer states; None where it states none that can be read."""
    return risk_in(answer.usable_text)


def risk_in(text: str) -> RiskLevel | None:
    """The highest level that a text names; None where it names none, or may mean more."""
    words = set(WORD.findall(_without_json(text).lower().replace("’", "'")))
    named = [RiskLevel(word) for word in LEVELS & words]
    if not named:
        return None
    highest = max(named, key=lambda level: level.rank)
    return highest if _may_be_taken(highest, words - LEVELS, text) else None


def _may_be_taken(level: RiskLevel, beside: set[str], text: str) -> bool:
    """Whether what stands beside a level cannot make it more than that."""
    if level is RiskLevel.CRITICAL:
        return True
    if DOUBTFUL.intersection(beside):
        return False
    return level is RiskLevel.HIGH or (not SHARE.search(text) and _is_plain(beside))


def _is_plain(beside: set[str]) -> bool:
    """Whether the words say nothing of their own, or are a sentence that can be understood here."""
    if FILLERS.issuperset(beside):
        return True
    return bool(ENGLISH.intersection(beside)) and all(map(LATIN.fullmatch, beside))


def _without_json(text: str) -> str:
    """The text with each JSON object replaced by what it says about risk."""
    pieces, position = [], 0
    for placed in objects_in(text) or ():
        pieces += [text[position : placed.start], " ".join(_stated(placed.value))]
        position = placed.end
    return " ".join([*pieces, text[position:]])


def _stated(value: dict[str, Any]) -> Iterable[str]:
    """The texts under the names that stand for the risk; all texts where there is no such name."""
    about = [one for name, one in value.items() if name.lower().replace(" ", "_") in NAMES]
    return _texts(about or list(value.values()))


def _texts(value: object) -> Iterable[str]:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
