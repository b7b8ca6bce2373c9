"""The part of a model that keeps its access rules: see ``policy`` for what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from jairika_nb.errors import StoreError
from jairika_nb.store.address import Served
from jairika_nb.store.canonical import digest, encoded
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.layout import Layout
from jairika_nb.store.note import Note, noted
from jairika_nb.store.opened import Opened
from jairika_nb.store.policy import WHOLE, Policy, Rule, rule
from jairika_nb.store.policy_view import Rules
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Event, Record


class Ruling(Opened):
    """Access rules: ``rules``, ``allow``, ``deny``, ``forget``, ``own``, ``unruled``.

    They bind those who come through a Jupyter server, at ``jrk+http://`` addresses, where they are
    seen and changed too by those whom they let. Whoever has the file itself, also by the server's
    kernels or its file browser, can read and write it; ``open(..., as_="bob")`` only shows what a
    rule does.
    """

    @property
    def rules(self) -> Rules:
        """The owners and rules, none where access is not ruled; raises ``Damaged``."""
        return Rules(self._reader.policy())

    def allow(self, principal: str, verbs: str | Iterable[str], path: str = WHOLE) -> Rules:
        """Let a user, or ``"*"`` for everybody, do ``verbs`` to what ``path`` describes.

        ``verbs`` as in ``"read,update"`` or ``"all"``, ``path`` as in ``"mlp/*/encoder.*"``. The
        first rule of a model makes you its owner, and everybody else is denied what no rule
        allows. Raises ``ArgumentError``, ``ReadOnly``, ``Forbidden``.
        """
        return self._with(rule(principal, verbs, path))

    def deny(self, principal: str, verbs: str | Iterable[str], path: str = WHOLE) -> Rules:
        """Deny what other rules allow; a denial wins over any number of them.

        Arguments and errors as of ``allow``.
        """
        return self._with(rule(principal, verbs, path, allow=False))

    def forget(self, principal: str, verbs: str | Iterable[str], path: str = WHOLE) -> Rules:
        """Take verbs out of the rules for exactly this principal and path.

        Raises ``StoreError`` where no rule has them; the rest as of ``allow``.
        """
        old = [rule(principal, verbs, path, allow=allow) for allow in (True, False)]

        def edit(policy: Policy, author: str) -> Policy:
            left = policy.without_rule(old[0]).without_rule(old[1])
            if left == policy:
                raise StoreError(
                    f"no rule for {old[0].principal!r} over {old[0].path!r} has any of "
                    f"{', '.join(old[0].verbs)}; `rules` lists them"
                )
            return left

        return self._rule("forget", str(old[0]).partition(" ")[2], edit)

    def own(self, *owners: str) -> Rules:
        """Make ``owners`` the owners, who may do everything, in the place of those so far."""
        if not owners:
            raise StoreError("a model with access rules needs an owner: name one or more")
        return self._rule(
            "own", ", ".join(owners), lambda policy, author: policy.with_owners(owners)
        )

    def unruled(self) -> Rules:
        """Drop owners and rules: whoever may use the server may do everything again."""
        return self._rule("unrule", "", lambda policy, author: Policy())

    def _with(self, new: Rule) -> Rules:
        def edit(policy: Policy, author: str) -> Policy:
            owned = policy if policy.active else policy.with_owners([author])
            return owned.with_rule(new)

        return self._rule("rule", str(new), edit)

    def _rule(self, verb: str, words: str, edit: Callable[[Policy, str], Policy]) -> Rules:
        if isinstance(self.path, Served):
            from jairika_nb.store.delivering import ruled_there

            return Rules(ruled_there(self._reader, verb, words, edit))
        self._check_mode("rule access to")
        note = noted("", None, None, None)
        if not note.author:
            raise StoreError("cannot tell whom to make the owner: this process has no user's name")
        return Rules(self._change(changed(verb, words, edit, note)))


def changed(
    verb: str, words: str, edit: Callable[[Policy, str], Policy], note: Note
) -> Callable[[Reader, Layout], tuple[Catalogue, Policy]]:
    """A change of the rules, with its line in the reflog."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, Policy]:
        policy = edit(reader.policy(), note.author)
        line = Event(note.time, note.author, verb, "", words, None, None)
        return ruled(reader.catalogue, layout, policy).with_events(line), policy

    return change


def ruled(catalogue: Catalogue, layout: Layout, policy: Policy) -> Catalogue:
    """The catalogue with ``policy``, which is written unless it is off."""
    if not policy.active:
        return replace(catalogue, policy=None)
    data = encoded(policy.to_json())
    name = digest(data)
    return replace(catalogue, policy=Record(*layout.put_late("policy", name, data), name))
