"""What can be changed while a program trains: learning rates, tunables, whether a module is trained.

Changes are made in the program's own thread, between two ops and never inside an optimizer's step, and each
is an event in the trace.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

from graphscope.engine import living
from graphscope.errors import UsageError
from graphscope.record import tunables
from graphscope.units import number

SHOWN = 64  # groups and tunables in the meta row


class Changes:
    """Makes them, and says what there is to change."""

    def __init__(self, control: Any) -> None:
        self.control = control
        self._frozen: dict[str, list[Any]] = {}
        self._order: list[Any] = []

    # ---------------------------------------------------------------- what there is

    def groups(self) -> list[Any]:
        """(optimizer, its group), in the order in which they were first seen."""
        try:
            found = list(living.optimizers)
        except RuntimeError:  # one is made at this very moment
            found = []
        known = [each for there in self._order if (each := there()) is not None]
        for each in found:
            if not any(each is k for k in known):
                known.append(each)
                self._order.append(ref(each))
        return [(each, group) for each in known for group in each.param_groups]

    def facts(self) -> dict[str, Any]:
        """For the meta row ``control``."""
        groups = []
        for k, (optimizer, group) in enumerate(self.groups()[:SHOWN]):
            rate = group.get("lr")
            groups.append(
                {
                    "group": k, "optimizer": type(optimizer).__name__, "parameters": len(group["params"]),
                    "lr": None if rate is None else float(rate),
                }
            )  # fmt: skip
        return {
            "groups": groups,
            "tunables": [t.facts() for t in list(tunables.ALL.values())[:SHOWN]],
            "frozen": sorted(self._frozen),
        }

    def _soon(self, id: int, task: Any) -> None:
        """Have it done in the program's thread, which answers."""
        self.control.todo.append((id, task))
        self.control.watch()

    # ---------------------------------------------------------------- commands

    def set_lr(self, id: int, data: dict[str, Any]) -> None:
        """The learning rate of a parameter group, numbered through all optimizers."""
        k, value = data["group"], data["value"]
        groups = self.groups()
        if k >= len(groups):
            there = f"there are 0 to {len(groups) - 1}" if groups else "there is no optimizer yet"
            raise UsageError(f"set_lr: there is no parameter group {k}; {there}")
        optimizer, group = groups[k]
        if "lr" not in group:
            raise UsageError(f"set_lr: {type(optimizer).__name__} has no learning rate")

        def change() -> str:
            before = float(group["lr"])
            if hasattr(group["lr"], "_a"):
                group["lr"]._a[...] = value
            else:
                group["lr"] = value
            rec = self.control.recorder
            rec.rates_changed(optimizer, quiet=True)
            text = f"learning rate of group {k} from {number(before)} to {number(value)}"
            self.control.event(text, self.control.recorder)
            return text

        self._soon(id, change)

    def set(self, id: int, data: dict[str, Any]) -> None:
        """A registered number."""
        name = data["name"]
        tunable = tunables.ALL.get(name)
        if tunable is None:
            known = ", ".join(tunables.ALL) or "none"
            raise UsageError(f"set: there is no tunable {name[:60]!r}; there are: {known[:200]}")
        tunable.check(data["value"])

        def change() -> str:
            before = tunable.value
            tunable.value = data["value"]
            text = f"{name} from {number(before)} to {number(tunable.value)}"
            self.control.event(text, self.control.recorder)
            return text

        self._soon(id, change)

    def freeze(self, id: int, data: dict[str, Any]) -> None:
        """A module's parameters get no gradient and are not updated, until it is unfrozen."""
        path = data["module"]
        if path in self._frozen:
            raise UsageError(f"freeze: {path} is frozen already")
        mine = [p for p in self.module(path).parameters() if p._rg]
        if not mine:
            raise UsageError(f"freeze: {path} has no parameter that is trained")
        if not self._others(path, mine):
            raise UsageError(
                f"freeze: nothing would be trained without {path}, and backward would fail"
            )

        def change() -> str:
            for p in mine:
                p._rg, p._grad = False, None
            self._frozen[path] = mine
            self.control.event(f"{path} frozen", self.control.recorder)
            return f"{len(mine)} parameters of {path} are frozen"

        self._soon(id, change)

    def _others(self, path: str, mine: list[Any]) -> bool:
        """Whether something is trained together with these parameters."""
        holding = [o for o, _ in self.groups() if _holds(o, mine)]
        beside = [p for o in holding for group in o.param_groups for p in group["params"]]
        if not beside:  # no optimizer has them: then what their model has
            beside = list(self.module(path.partition(".")[0]).parameters())
        return any(p._rg and all(p is not m for m in mine) for p in beside)

    def unfreeze(self, id: int, data: dict[str, Any]) -> None:
        """Train a module again that was frozen."""
        path = data["module"]
        if path not in self._frozen:
            raise UsageError(f"unfreeze: {path[:60]!r} is not frozen")

        def change() -> str:
            for p in self._frozen.pop(path, []):
                p._rg = True
            self.control.event(f"{path} trained again", self.control.recorder)
            return f"{path} is trained again"

        self._soon(id, change)

    def module(self, path: str) -> Any:
        """The module of a scope path. Raises: UsageError when there is none."""
        for root, there in list(self.control.recorder.names.roots.items()):
            module = there()
            if module is None or not (path == root or path.startswith(root + ".")):
                continue
            for name, sub in module.named_modules():
                if path == (f"{root}.{name}" if name else root):
                    return sub
        raise UsageError(f"there is no module {path[:60]!r}")


def _holds(optimizer: Any, mine: list[Any]) -> bool:
    return any(p is m for group in optimizer.param_groups for p in group["params"] for m in mine)
