"""The settings file as people write it, before paths are resolved and the environment is laid over.

Every key has a default, so that no file at all is a whole set of settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from agent.catalog.addresses import AllowedHost, HttpUrl, parse_listen
from agent.catalog.cluster_document import ClusterDocument
from agent.catalog.faults import shown, wrong
from agent.catalog.learning_document import DeliveryDocument
from agent.catalog.own_document import OwnDocument
from agent.catalog.policy import PolicyDocument
from agent.catalog.quantities import PositiveDuration
from agent.catalog.survey_document import SurveyDocument
from agent.catalog.validation import Written

_SECRET_WORDS = frozenset(
    {"password", "passwd", "token", "secret", "api_key", "apikey", "routing_key", "bearer"}
    | {"signing_key"}
)


def _listen(text: str) -> str:
    parse_listen(text)
    return text


def _no_secrets(params: dict[str, Any]) -> dict[str, Any]:
    for key, value in params.items():
        if key.lower() in _SECRET_WORDS and value is not None:
            remedy = (
                f"move it to a file, and write beside `with`: secrets: {{{key}: {{file: PATH}}}}"
            )
            raise wrong(f"the secret {shown(key)} does not belong into this file", remedy)
    return params


PathText = Annotated[str, Field(min_length=1)]


class SecretDocument(Written):
    """Where a secret is kept: a file, or a variable of the environment."""

    file: PathText | None = None
    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> SecretDocument:
        if (self.file is None) == (self.env is None):
            raise wrong("a secret stands in one place", "write {file: PATH} or {env: NAME}")
        return self


class UseDocument(Written):
    """One use of a plugin."""

    use: Annotated[str, Field(min_length=1)]
    params: Annotated[dict[str, Any], AfterValidator(_no_secrets), Field(alias="with")] = {}
    secrets: dict[str, SecretDocument] = {}


class LogDocument(Written):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


class SettingsDocument(Written):
    data_dir: PathText = "var"
    halt_files: tuple[PathText, ...] = ()
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8420"
    link: HttpUrl | None = None
    runbooks: tuple[PathText, ...] = ()
    shipped_runbooks: bool = True
    products: tuple[PathText, ...] = ()
    on_call: tuple[PathText, ...] = ()
    policy: PolicyDocument | None = None
    policy_file: PathText | None = None
    learning: DeliveryDocument = DeliveryDocument()
    survey: SurveyDocument = SurveyDocument()
    agent: OwnDocument = OwnDocument()
    tokens_file: PathText | None = None
    plugins: tuple[PathText, ...] = ()
    prometheus_url: HttpUrl | None = None
    kubernetes: ClusterDocument | None = None
    allowed_hosts: tuple[AllowedHost, ...] = ()
    level_check: PositiveDuration = 60.0
    sources: tuple[UseDocument, ...] = ()
    notify: Mapping[str, tuple[UseDocument, ...]] = {}
    slack_signing_secret: SecretDocument | None = None
    log: LogDocument = LogDocument()
    otlp_endpoint: HttpUrl | None = None
