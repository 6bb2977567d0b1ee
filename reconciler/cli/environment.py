"""Environment variables: the one place that reads them, and the secrets that manifests may take from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.spec import secrets
from reconciler.vocabulary import errors

OPEN_PREFIX = "RECONCILER_SECRET_"
"""Variables of this prefix may be read by any manifest; every other one is allowed by name on the command line."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables of one process, as they were when it started. An empty one counts as unset."""

    variables: Mapping[str, str]

    def variable(self, name: str) -> str:
        """Return a variable's value, empty where it is not set."""
        return self.variables.get(name, "")

    def github(self, name: str) -> str:
        """Return what a GitHub runner says of itself, such as `OUTPUT` (docs: default environment variables)."""
        return self.variable(f"GITHUB_{name}")

    def action_input(self, name: str) -> str:
        """Return what action.yml hands over, such as `PATH`; never by way of a script's text, where it could run."""
        return self.variable(f"RECONCILER_ACTION_{name}")

    @property
    def color(self) -> str:
        """What --color means where it is not given: `never` under NO_COLOR (https://no-color.org), else `auto`."""
        return "never" if self.variable("NO_COLOR") else "auto"

    @property
    def proxies(self) -> dict[str, str]:
        """The proxy for https by scheme; empty where none is set."""
        proxy = self.variable("HTTPS_PROXY") or self.variable("https_proxy")
        return {"https": proxy} if proxy else {}

    @property
    def ci_run(self) -> str:
        """The URL of the CI run this is part of; empty where it is none, or its system does not say."""
        server, repository, run = (self.github(name) for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
        if server and repository and run:
            return f"{server}/{repository}/actions/runs/{run}"
        # GitLab, Buildkite, CircleCI, Jenkins: as each documents its predefined variables.
        names = ("CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL")
        return next((url for url in map(self.variable, names) if url), "")


def of_process() -> Environment:
    """Read the environment of this process; nothing else does."""
    return Environment(dict(os.environ))


class EnvironmentSecrets:
    """vocabulary.ports.Secrets over the variables that --secret-env names."""

    def __init__(self, environment: Environment, allowed: tuple[str, ...]) -> None:
        self._environment = environment
        self._allowed = allowed
        self._handed_out: set[str] = set()

    def fill(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put the variable's value in place of every `valueFrom`. Raises errors.InputError for one that may not be read."""
        filled: Mapping[str, Any] = self._fill(body)
        return filled

    def hide(self, text: str) -> str:
        """Take every value that was handed out back out of a text: a service may quote what it was sent."""
        return secrets.hide(text, self._handed_out)

    def _fill(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if isinstance(value.get("valueFrom"), Mapping):
                rest = {key: item for key, item in value.items() if key != "valueFrom"}
                return {**rest, "value": self._read(str(value["valueFrom"].get("env", "")))}
            return {key: self._fill(item) for key, item in value.items()}
        return [self._fill(item) for item in value] if isinstance(value, list) else value

    def _read(self, name: str) -> str:
        if name not in self._allowed and not name.startswith(OPEN_PREFIX):
            raise errors.InputError(
                f"a manifest asks for the variable {name}, which the command line does not allow",
                f"add --secret-env {name}",
            )
        value = self._environment.variable(name)
        if not value:
            raise errors.InputError(f"the variable {name} is not set", "set it for the process that runs apply")
        self._handed_out.add(value)
        return value
