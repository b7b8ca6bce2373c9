"""Access rules: who may do what to which part of a model.

A rule allows or denies verbs to a principal, a user's name or ``*`` for everybody, over a glob of
``variant/iteration/layer``: ``mlp``, ``mlp/PT``, ``*/*/encoder.*``. Parts that are left out are
``*``; ``*`` and ``?`` stay within a part, and ``[*]`` is the character itself.

================  ==========================================================================
``read``          list an iteration, see its notes; for the values of a layer, that layer
``create``        start a variant, with all that comes in it; give an iteration a tag
``update``        add an iteration whose changed layers match; choose the variant in use
``delete``        take a whole iteration, variant or tag off the lists; for ``*`` also ``gc``
``read-policy``   see the rules
``write-policy``  change them; both are about the whole model, so their glob is ``*``
================  ==========================================================================

An owner may do everything. Anyone else may do what some rule allows and no rule denies: the order
of rules does not count, a denial always wins, and what no rule mentions is denied.

>>> rules = Policy(("ann",)).with_rule(rule("bob", "read", "mlp/*"))
>>> rules.allows("bob", "read", "mlp", "PT", "0"), rules.allows("bob", "read", "lstm", "PT", "0")
(True, False)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from jairika_nb.errors import ArgumentError, Damaged
from jairika_nb.store import schema
from jairika_nb.store.names import LONGEST, UNPRINTABLE

VERBS = ("read", "create", "update", "delete", "read-policy", "write-policy")
OF_THE_MODEL = VERBS[4:]
EVERYBODY, WHOLE = "*", "*"
PARTS = 3
MOST_OWNERS, MOST_RULES = 100, 1000
STAR, ANY = "star", "any"  # no single characters, so no literal is one of them


@dataclass(frozen=True, order=True)
class Rule:
    """One line of a policy; make it with ``rule``, which checks what it is given."""

    principal: str
    path: str
    allow: bool
    verbs: tuple[str, ...]

    @property
    def globs(self) -> tuple[str, ...]:
        """The globs of variant, iteration and layer."""
        return (*self.path.split("/"), *(WHOLE,) * PARTS)[:PARTS]

    def __str__(self) -> str:
        effect = "allow" if self.allow else "deny"
        return f"{effect} {self.principal} {','.join(self.verbs)} {self.path}"


def rule(
    principal: str, verbs: str | Iterable[str], path: str = WHOLE, *, allow: bool = True
) -> Rule:
    """A rule; ``verbs`` is one, several with commas between, ``"all"``, or an iterable of them.

    Raises ``ArgumentError`` for what is no verb, no name or no glob.
    """
    given = verbs.split(",") if isinstance(verbs, str) else list(verbs)
    wanted = {str(each).strip().lower() for each in given}
    globs = _globs(path)
    if "all" in wanted:
        # Of a part of the model there is no policy to see or change.
        wanted = wanted - {"all"} | set(VERBS if globs == WHOLE else VERBS[:4])
    if odd := sorted(wanted - set(VERBS)):
        raise ArgumentError(f"no verb {odd[0]!r} for a rule: give some of {', '.join(VERBS)}, all")
    if globs != WHOLE and (whole := sorted(wanted & set(OF_THE_MODEL))):
        raise ArgumentError(
            f"cannot give {whole[0]!r} over {path!r}: the policy is that of the whole model; "
            "leave the path out, or give it as '*'"
        )
    if not wanted:
        raise ArgumentError(f"a rule needs a verb: give some of {', '.join(VERBS)}, all")
    return Rule(person(principal), globs, allow, tuple(v for v in VERBS if v in wanted))


@dataclass(frozen=True)
class Policy:
    """The owners of a model and its rules; without owners it is off, and everybody may do all."""

    owners: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def active(self) -> bool:
        return bool(self.owners)

    def allows(self, who: str, verb: str, *path: str, whole: bool = False) -> bool:
        """Whether ``who`` may do ``verb`` to ``path``: variant, iteration, layer, or their first.

        Of a shorter path it is enough that something in it may match; with ``whole`` all that is
        or may come in it must.
        """
        if not self.active or who in self.owners:
            return True
        mine = [
            each for each in self.rules if verb in each.verbs and each.principal in (who, EVERYBODY)
        ]
        granted = any(each.allow and _covers(each, path, whole) for each in mine)
        return granted and not any(
            not each.allow and _covers(each, path, not whole) for each in mine
        )

    def with_rule(self, new: Rule) -> Policy:
        """The policy with ``new``; verbs join those of a rule that is otherwise the same."""
        verbs = {verb for each in self.rules if _alike(each, new) for verb in each.verbs}
        merged = replace(new, verbs=tuple(v for v in VERBS if v in verbs | {*new.verbs}))
        return self._ruled([each for each in self.rules if not _alike(each, new)] + [merged])

    def without_rule(self, old: Rule) -> Policy:
        """The policy without the verbs of ``old`` in the rule that is otherwise the same."""
        rules = []
        for each in self.rules:
            left = tuple(v for v in each.verbs if not (_alike(each, old) and v in old.verbs))
            rules += [replace(each, verbs=left)] if left else []
        return self._ruled(rules)

    def with_owners(self, owners: Iterable[str]) -> Policy:
        """The policy with other owners."""
        return checked(replace(self, owners=tuple(sorted({person(each) for each in owners}))))

    def _ruled(self, rules: Iterable[Rule]) -> Policy:
        return checked(replace(self, rules=tuple(sorted(rules))))

    def to_json(self) -> dict[str, Any]:
        rules = [vars(each) | {"verbs": list(each.verbs)} for each in self.rules]
        return {"owners": list(self.owners), "rules": rules}

    @classmethod
    def from_json(cls, data: Any) -> Policy:
        """The policy in JSON data of any origin; raises ``Damaged``."""
        owners, rules = (schema.field(data, key, list) for key in ("owners", "rules"))
        try:
            if not owners:
                raise ArgumentError("it has no owner")
            policy = cls(tuple(map(person, owners)), tuple(map(_rule_from_json, rules)))
            return checked(policy)
        except ArgumentError as error:
            raise Damaged(f"the access rules are not valid: {error}") from error


def checked(policy: Policy) -> Policy:
    """``policy`` within its limits; raises ``ArgumentError`` where there are too many of them."""
    if len(policy.owners) > MOST_OWNERS or len(policy.rules) > MOST_RULES:
        raise ArgumentError(
            f"{len(policy.owners)} owners and {len(policy.rules)} rules: at most {MOST_OWNERS} and "
            f"{MOST_RULES} can be kept; use globs"
        )
    return policy


def person(name: object) -> str:
    """The name of a principal; raises ``ArgumentError`` where it cannot be one."""
    text = unicodedata.normalize("NFC", name) if isinstance(name, str) else ""
    odd = any(unicodedata.category(each) in UNPRINTABLE for each in text)
    if not text or text != text.strip() or odd or len(text.encode()) > LONGEST:
        raise ArgumentError(f"{name!r} is no user's name: give it as the server knows it, or '*'")
    return text


@lru_cache(maxsize=1 << 14)
def fits(glob: str, name: str) -> bool:
    """Whether ``name`` is what ``glob`` describes, in time bounded by both their lengths.

    >>> fits("enc*.?", "encoder.0"), fits("[*]", "a")
    (True, False)
    """
    tokens, at, place, star, mark = _tokens(glob), 0, 0, -1, 0
    while place < len(name):
        if at < len(tokens) and tokens[at] in (ANY, name[place]):
            at, place = at + 1, place + 1
        elif at < len(tokens) and tokens[at] == STAR:
            star, mark, at = at, place, at + 1
        elif star >= 0:
            mark += 1
            at, place = star + 1, mark
        else:
            return False
    return all(each == STAR for each in tokens[at:])


@lru_cache(maxsize=4096)
def _tokens(glob: str) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(glob):
        literal = glob[at] == "[" and glob[at + 2 : at + 3] == "]"
        sign = glob[at + 1] if literal else {"*": STAR, "?": ANY}.get(glob[at], glob[at])
        found.append(sign)
        at += 3 if literal else 1
    return tuple(found)


def _covers(each: Rule, path: tuple[str, ...], whole: bool) -> bool:
    """Whether a rule is about ``path``, and with ``whole`` about everything below it too."""
    globs = each.globs
    rest = globs[len(path) :]
    inside = all(fits(glob, part) for glob, part in zip(globs, path, strict=False))
    return inside and not (whole and any(glob.strip("*") for glob in rest))


def _alike(left: Rule, right: Rule) -> bool:
    return replace(left, verbs=()) == replace(right, verbs=())


def _globs(path: object) -> str:
    """A path of one to three globs in its shortest spelling."""
    text = unicodedata.normalize("NFC", path) if isinstance(path, str) else ""
    parts = text.split("/")
    odd = any(unicodedata.category(each) in UNPRINTABLE for each in text)
    if odd or not all(parts) or len(parts) > PARTS or len(text.encode()) > PARTS * (LONGEST + 1):
        raise ArgumentError(
            f"{path!r} is no path of a rule: write it as variant/iteration/layer, as in "
            "'mlp/*/encoder.*'"
        )
    while len(parts) > 1 and not parts[-1].strip("*"):
        parts.pop()
    return "/".join(parts) if parts[0].strip("*") or parts[1:] else WHOLE


def _rule_from_json(data: Any) -> Rule:
    verbs = schema.field(data, "verbs", list)
    if not all(isinstance(each, str) for each in verbs):
        raise Damaged("a rule holds a verb that is no text; the file is damaged")
    allow = schema.field(data, "allow", bool)
    principal, path = (schema.field(data, key, str) for key in ("principal", "path"))
    return rule(principal, verbs, path, allow=allow)
