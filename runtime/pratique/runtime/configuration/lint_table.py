"""The `[lint]` table of a configuration file, checked: every mistake with its place and what may be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pratique.compiler.kyverno.releases import ReleaseRange
from pratique.compiler.lint.base import Rule, Severity, catalogue
from pratique.grammar.errors import PolicyError, PolicyErrors
from pratique.runtime.configuration.file_globs import FileGlob
from pratique.runtime.configuration.files import ConfigurationFile
from pratique.runtime.configuration.lint_settings import LintSettings
from pratique.runtime.outputs.findings_formats import FORMATS


def settings_of(file: ConfigurationFile) -> LintSettings:
    """Return the settings of a configuration file.

    Raises:
        PolicyErrors: all that is wrong with it, each with its place.
    """
    reader = _Reader(file)
    settings = reader.read()
    if reader.errors:
        raise PolicyErrors(reader.errors)
    return settings


class _Reader:
    """Checks a file and takes its settings; what is wrong is kept in `errors`, and the rest is read on."""

    def __init__(self, file: ConfigurationFile) -> None:
        self.errors: list[PolicyError] = []
        self._file = file
        self._known: dict[str, Callable[[str, Any], Any]] = {
            "select": self._rules,
            "ignore": self._rules,
            "severity": self._severities,
            "per-file-ignores": self._per_file,
            "min-severity": self._severity,
            "fail-level": self._severity,
            "target": self._target,
            "inventory": self._inventory,
            "output": self._output,
        }

    def read(self) -> LintSettings:
        for name in self._unknown(self._file.settings, ("lint",)):
            self._error(f"there is no table `{name}`", name, known=("lint",))
        table = self._file.settings.get("lint", {})
        if not isinstance(table, dict):
            self._error(f"`lint` must be a table, not {_kind(table)}", "lint")
            return LintSettings()
        for name in self._unknown(table, self._known):
            self._error(f"there is no setting `{name}`", "lint", name, known=self._known)
        given = {
            name.replace("-", "_"): take(name, table[name])
            for name, take in self._known.items()
            if name in table
        }
        if self.errors:
            return LintSettings()
        return LintSettings(**given, origins=dict.fromkeys(given, self._file.source.name))

    @staticmethod
    def _unknown(table: Mapping[str, Any], known: Sequence[str] | Mapping[str, Any]) -> list[str]:
        return [name for name in table if name not in known]

    def _error(
        self,
        message: str,
        *path: str,
        value: str | None = None,
        known: Sequence[str] | Mapping[str, Any] = (),
    ) -> None:
        wanted = value if value is not None else path[-1]
        listed = ", ".join(f"`{each}`" for each in known)
        otherwise = f"there {'are' if len(known) > 1 else 'is'} {listed}" if known else ""
        help = _advice(wanted, list(known), otherwise)
        place = self._file.place(*path, value=value)
        self.errors.append(PolicyError("wrong-setting", message, place, help=help))

    def _texts(self, path: tuple[str, ...], value: object) -> Iterator[str]:
        """Yield the texts of a list; one text alone counts as a list of it."""
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            self._error(f"`{path[-1]}` must be a list of texts, not {_kind(value)}", "lint", *path)
            return
        for item in value:
            if isinstance(item, str):
                yield item
            else:
                self._error(f"`{path[-1]}` must hold texts, not {_kind(item)}", "lint", *path)

    def _text(self, path: tuple[str, ...], value: object) -> str | None:
        if isinstance(value, str):
            return value
        self._error(f"`{path[-1]}` must be a text, not {_kind(value)}", "lint", *path)
        return None

    def _rule(self, name: str, *path: str, value: str | None) -> Rule | None:
        for rule in catalogue():
            if name.strip().lower() in (rule.code.lower(), rule.name):
                return rule
        known = [word for rule in catalogue() for word in (rule.code, rule.name)]
        help = _advice(name, known, "`pratique rule` lists the rules")
        place = self._file.place("lint", *path, value=value)
        self.errors.append(PolicyError("wrong-setting", f"there is no rule `{name}`", place, help=help))
        return None

    def _codes(self, path: tuple[str, ...], value: object) -> tuple[str, ...]:
        found = (self._rule(name, *path, value=name) for name in self._texts(path, value))
        return tuple(rule.code for rule in found if rule)

    def _rules(self, name: str, value: object) -> tuple[str, ...]:
        return self._codes((name,), value)

    def _per_file(self, name: str, value: object) -> tuple[tuple[FileGlob, tuple[str, ...]], ...]:
        if not isinstance(value, dict):
            self._error(f"`{name}` must be a table of files and rules, not {_kind(value)}", "lint", name)
            return ()
        return tuple(
            (FileGlob(files, self._file.folder), self._codes((name, files), rules))
            for files, rules in value.items()
        )

    def _severities(self, name: str, value: object) -> dict[str, Severity]:
        if not isinstance(value, dict):
            self._error(f"`{name}` must be a table of rules and severities, not {_kind(value)}", "lint", name)
            return {}
        found = {}
        for word, level in value.items():
            rule = self._rule(word, name, word, value=None)
            if rule:
                found[rule.code] = self._level((name, word), level)
        return found

    def _severity(self, name: str, value: object) -> Severity:
        return self._level((name,), value)

    def _level(self, path: tuple[str, ...], value: object) -> Severity:
        levels = [str(each) for each in Severity]
        text = self._text(path, value)
        if text in levels:
            return Severity(text)
        if text is not None:
            self._error(f"`{text}` is no severity", "lint", *path, value=text, known=levels)
        return Severity.INFO

    def _target(self, name: str, value: object) -> ReleaseRange | None:
        text = self._text((name,), value)
        try:
            return None if text is None else ReleaseRange.parse(text)
        except ValueError as error:
            self._error(str(error), "lint", name, value=text)
            return None

    def _inventory(self, name: str, value: object) -> str | None:
        text = self._text((name,), value)
        if text == "cluster":
            # Reading a repository must not make a tool talk to a cluster.
            message = "a file cannot ask for the cluster; give `--inventory cluster`"
            self._error(message, "lint", name, value=text)
        return None if text is None else str(self._file.folder / text)

    def _output(self, name: str, value: object) -> str:
        text = self._text((name,), value)
        if text is not None and text not in FORMATS:
            self._error(f"there is no format `{text}`", "lint", name, value=text, known=FORMATS)
        return text or "text"


def _advice(word: str, known: list[str], otherwise: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return f"did you mean `{close[0]}`?" if close else otherwise


def _kind(value: object) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
