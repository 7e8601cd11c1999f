"""Calling plugins: one helper awaits every async hook, with a deadline and an error budget per plugin.

pluggy's hooks are synchronous, so an async hook returns coroutines; ``Hooks.call_each`` awaits them. A
plugin that raises or hangs too often is **quarantined**: its hooks are no longer called, its events wait,
and ``storefront plugins`` says why. A failed call refuses its purchase alone; a quarantined plugin no
longer prices, but one that judges keeps the shop closed (``unscreened: allow`` opens it). Late steps are
metered too: they run in the writer.
"""

import asyncio
import time
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pluggy
import structlog

from storefront.core.clock import Clock
from storefront.core.commit.apply import LateStep
from storefront.core.errors import StorefrontError, Unavailable
from storefront.core.jobs import JobHandler

JobHandlers = Mapping[str, JobHandler]
Operations = Mapping[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]]

T = TypeVar("T")
DEADLINE_SECONDS = 2.0
EVENT_DEADLINE_SECONDS = 10.0
ERRORS_BEFORE_QUARANTINE = 5
SUCCESSES_THAT_FORGIVE = 100
LATE_STEP_BUDGET_MS = 2.0
LATE_STEPS_MEASURED = 50
JUDGES = frozenset({"assess_purchase", "assess_payment"})
"""Hooks without which nothing is sold."""

log = structlog.get_logger("storefront.plugins")


class AssessmentUnavailable(Unavailable):
    """A plugin that judges purchases failed: nothing is sold unjudged."""

    code = "assessment_unavailable"
    title = "This purchase cannot be checked right now"


class PluginAway(Unavailable):
    """A plugin that was asked something failed, hung or is in quarantine; whoever asks goes on without it."""

    code = "plugin_away"
    title = "A plugin does not answer right now"


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure for ``/metrics``; ``name`` begins with ``storefront_<plugin>_``, one of a name for each ``labels``."""

    name: str
    says: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def read_rarely(
    read: Callable[[], Awaitable[Sequence[Gauge]]], clock: Clock, *, every_ms: int = 60_000
) -> Callable[[], Awaitable[Sequence[Gauge]]]:
    """Return what reads a plugin's figures no more often than that, by the machine's clock: for what scans a table."""
    found: Sequence[Gauge] = ()
    read_at: int | None = None

    async def read_or_remember() -> Sequence[Gauge]:
        nonlocal found, read_at
        wall = clock.wall()
        if read_at is None or not 0 <= wall - read_at < every_ms:
            found, read_at = await read(), wall
        return found

    return read_or_remember


@dataclass(slots=True)
class PluginHealth:
    """How a plugin is doing: failures lately, and why it was taken out if it was."""

    name: str
    failures: int = 0
    successes: int = 0
    quarantined: str | None = None
    last_error: str | None = None
    late_calls: int = 0
    late_ms: float = 0.0

    def succeed(self) -> None:
        self.successes += 1
        if self.successes >= SUCCESSES_THAT_FORGIVE:
            self.failures = self.successes = 0

    def fail(self, what: str) -> None:
        self.failures += 1
        self.successes = 0
        self.last_error = what
        if self.failures >= ERRORS_BEFORE_QUARANTINE and self.quarantined is None:
            self.quarantine(f"{self.failures} failures; the last: {what}")

    def quarantine(self, why: str) -> None:
        self.quarantined = why
        log.error("plugin_quarantined", plugin=self.name, reason=why)


@dataclass(slots=True)
class Hooks:
    """The plugins that are loaded, by name, and their health; ``unscreened`` may judge and yet be away."""

    manager: pluggy.PluginManager
    health: dict[str, PluginHealth] = field(default_factory=dict)
    unscreened: frozenset[str] = frozenset()
    deadline_seconds: float = DEADLINE_SECONDS
    event_deadline_seconds: float = EVENT_DEADLINE_SECONDS
    _callers: dict[str, dict[str, pluggy.HookCaller]] = field(default_factory=dict)
    _implementations: dict[tuple[str, str], pluggy.HookImpl] = field(default_factory=dict)

    def remove(self, name: str) -> None:
        """Take a plugin out: none of its hooks is called any more."""
        if self.manager.has_plugin(name):
            self.manager.unregister(name=name)
        self._callers.clear()
        self._implementations.clear()

    def names_of(self, hook: str) -> list[str]:
        """Return the plugins that implement a hook, in a stable order."""
        return list(self.callers(hook))

    def judges_payments(self) -> bool:
        """Tell whether a plugin wants to judge payments before their money is taken.

        All that have ``assess_payment`` do, but those that say ``judges_payments = False`` (no rule reads a payment).
        """
        judges = (self.manager.get_plugin(name) for name in self.names_of("assess_payment"))
        return any(getattr(judge, "judges_payments", True) for judge in judges)

    def callers(self, hook: str) -> Mapping[str, pluggy.HookCaller]:
        """Return ``plugin -> a caller of that plugin's implementation alone``; plugins load before any call."""
        known = self._callers.get(hook)
        if known is None:
            implementations = getattr(self.manager.hook, hook).get_hookimpls()
            everyone = [one.plugin for one in implementations]
            known = {}
            for one in sorted(implementations, key=lambda one: one.plugin_name):
                others = [plugin for plugin in everyone if plugin is not one.plugin]
                known[one.plugin_name] = self.manager.subset_hook_caller(hook, others)
            self._callers[hook] = known
        return known

    async def call_each(self, hook: str, **arguments: Any) -> list[Any]:
        """Await a hook of every plugin that has it; return what they answered, without None.

        Raises:
            AssessmentUnavailable: a plugin failed or hung, or a judge is in quarantine. Nothing is sold
                unjudged, nor at a price that a plugin may still correct.
        """
        answers = []
        for name in self.callers(hook):
            answer = await self._call_one(name, hook, arguments)
            if answer is not None:
                answers.append(answer)
        return answers

    async def ask_each(self, hook: str, **arguments: Any) -> tuple[list[Any], bool]:
        """Await a hook of each plugin that only adds to what is shown; one that fails or hangs is left out of it.

        Return what they answered, without None, and whether all of them did answer.
        """
        answers, is_whole = [], True
        for name in self.callers(hook):
            health = self.health[name]
            if health.quarantined is not None:
                continue
            try:
                async with asyncio.timeout(self.deadline_seconds):
                    answer = await self._invoke(name, hook, arguments)
            except Exception as error:
                self._failed(health, hook, error)
                is_whole = False
                continue
            health.succeed()
            if answer is not None:
                answers.append(answer)
        return answers, is_whole

    async def call_plugin(self, name: str, hook: str, **arguments: Any) -> bool:
        """Await one plugin's hook for an event; tell whether it succeeded."""
        health = self.health[name]
        try:
            async with asyncio.timeout(self.event_deadline_seconds):
                await self._invoke(name, hook, arguments)
        except Exception as error:
            self._failed(health, hook, error)
            return False
        health.succeed()
        return True

    async def ask(self, name: str, what: str, question: Callable[[], Awaitable[T]]) -> T:
        """Await an object that a plugin brought, within the deadline and the error budget of its hooks.

        Raises:
            PluginAway: it failed or hung, which is logged, or its plugin is in quarantine.
        """
        health = self.health[name]
        if health.quarantined is not None:
            raise PluginAway(f"{name} is in quarantine: {health.quarantined}", plugin=name)
        try:
            async with asyncio.timeout(self.deadline_seconds):
                answer = await question()
        except Exception as error:
            self._failed(health, what, error)
            raise PluginAway(f"{name} failed: {health.last_error}", plugin=name) from error
        health.succeed()
        return answer

    async def _call_one(self, name: str, hook: str, arguments: Mapping[str, Any]) -> Any:
        health = self.health[name]
        if health.quarantined is not None:
            if hook in JUDGES and name not in self.unscreened:
                raise AssessmentUnavailable
            return None
        try:
            answer = await _within(self.deadline_seconds, self._invoke(name, hook, arguments))
        except StorefrontError:
            raise
        except Exception as error:
            self._failed(health, hook, error)
            raise AssessmentUnavailable from error
        health.succeed()
        return answer

    async def _invoke(self, name: str, hook: str, arguments: Mapping[str, Any]) -> Any:
        implementation = self._implementations.get((name, hook)) or self._find(name, hook)
        asked: Any = implementation.function(*[arguments[one] for one in implementation.argnames])
        return None if asked is None else await asked

    def _find(self, name: str, hook: str) -> pluggy.HookImpl:
        """Return a plugin's implementation of a hook: what a caller of it alone would look up anew for each call."""
        found = self._implementations[name, hook] = self.callers(hook)[name].get_hookimpls()[-1]
        return found

    def _failed(self, health: PluginHealth, hook: str, error: Exception) -> None:
        what = f"{hook}: {type(error).__name__}: {error}" if not isinstance(error, TimeoutError) else f"{hook}: hung"
        log.error("plugin_failed", plugin=health.name, hook=hook, exc_info=error)
        health.fail(what)

    def metered(self, plugin: str, function: LateStep) -> LateStep:
        """Wrap a late step so that a slow one takes its plugin out: it runs in the writer."""
        health = self.health[plugin]

        def run(view: Any, facts: Mapping[str, Any]) -> Any:
            began = time.perf_counter()
            try:
                return function(view, facts)
            finally:
                health.late_calls += 1
                health.late_ms += (time.perf_counter() - began) * 1000
                mean = health.late_ms / health.late_calls
                if (
                    health.late_calls >= LATE_STEPS_MEASURED
                    and mean > LATE_STEP_BUDGET_MS
                    and health.quarantined is None
                ):
                    health.quarantine(f"its late steps take {mean:.1f} ms on average, in the writer")

        return run


async def _within(seconds: float, asked: Coroutine[Any, Any, Any]) -> Any:
    """Await a hook within a deadline; one that never waits needs no clock, which costs as much as a small hook does.

    Raises:
        TimeoutError: it hung.
    """
    try:
        waits_for = asked.send(None)
    except StopIteration as done:
        return done.value
    async with asyncio.timeout(seconds):
        return await _rest_of(asked, waits_for)


@types.coroutine
def _rest_of(asked: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """Go on with a coroutine that was begun, from what it waits for first."""
    while True:
        try:
            came = yield waits_for
        except GeneratorExit:
            asked.close()
            raise
        except BaseException as error:
            resume = partial(asked.throw, error)
        else:
            resume = partial(asked.send, came)
        try:
            waits_for = resume()
        except StopIteration as done:
            return done.value
