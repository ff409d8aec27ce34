"""Pages by e-mail, through the SMTP server of the site.

The Message-ID comes from the key of the page: a page that is sent again after a lost answer is the
same mail, and mail programs show it once. All mails of one incident refer to one id and have one
subject, so that they stand in one thread, where an acknowledgement or a resolution is a reply.
Headers are built by the standard library from cleaned values of one line, and addresses are checked
when the settings are read: nothing in an alert can add a header or a receiver. smtplib blocks, so
it runs in a thread, with its timeout on every answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Annotated, Self

from pydantic import Field, model_validator

from agent.model.errors import Permanent, Temporary
from agent.model.on_call import Telling
from agent.ports.kit import NotifyKit
from agent.ports.plugin import Message, Params, notifier
from agent.ports.safe_text import headline, safe, with_link

Address = Annotated[
    str, Field(max_length=254, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$")
]
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Email(Params):
    host: str = Field(min_length=1, description="Name or address of the SMTP server")
    port: int = Field(default=25, ge=1, le=65535, description="Port of the SMTP server")
    sender: Address = Field(description="Address the page comes from")
    to: tuple[Address, ...] = Field(min_length=1, max_length=50, description="Addresses it goes to")
    starttls: bool = Field(
        default=False, description="Whether to encrypt the connection before anything is said"
    )
    username: str | None = Field(
        default=None, description="User name at the server; its password is the secret `password`"
    )
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="Time the server has for each answer, in seconds"
    )

    @model_validator(mode="after")
    def password_only_encrypted(self) -> Self:
        if self.username is not None and not self.starttls and self.host not in LOOPBACK:
            raise ValueError("a password is sent only with `starttls: true`")
        return self


@notifier(
    name="email",
    params=Email,
    summary="Sends the page as e-mail through an SMTP server",
    tells=(Telling.PAGE, Telling.UPDATE, Telling.ACKNOWLEDGED, Telling.RESOLVED),
)
async def email(kit: NotifyKit, params: Email, message: Message) -> str:
    password = kit.secrets.get("password")
    if params.username is not None and password is None:
        raise Permanent("email with a user name needs the secret `password`")
    mail = _mail(params, message, kit.now())
    timeout_seconds = min(params.timeout_seconds, kit.deadline_seconds)
    try:
        refused = await asyncio.to_thread(_send, params, mail, password, timeout_seconds)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        # one that may pass is worth another try
        raise _by_code(min(codes), "every receiver was refused") from error
    except smtplib.SMTPResponseException as error:
        raise _by_code(error.smtp_code, "the server refuses the page") from error
    except smtplib.SMTPNotSupportedError as error:
        raise Permanent(f"{params.host} does not support it: {error}") from error
    except ssl.SSLCertVerificationError as error:
        raise Permanent(f"{params.host} shows a certificate that is not valid") from error
    except (smtplib.SMTPException, OSError) as error:
        # smtplib's own errors are OSErrors too: this one comes last
        raise Temporary(f"{params.host}:{params.port} cannot be reached: {error}") from error
    if refused:
        kit.log.warning("email.receivers_refused", refused=sorted(refused))
    return f"{mail['Message-ID']} to {len(params.to) - len(refused)} of {len(params.to)}"


def _mail(params: Email, message: Message, at: float) -> EmailMessage:
    page = safe(message)
    domain = params.sender.rpartition("@")[2]
    mail = EmailMessage(policy=SMTP)
    mail["From"] = params.sender
    mail["To"] = ", ".join(params.to)
    says_it = not page.severity or page.title.startswith(f"[{page.severity}]")
    subject = page.title if says_it else f"[{page.severity}] {page.title}"
    is_reply = page.telling is not Telling.PAGE
    mail["Subject"] = f"Re: {subject}" if is_reply else subject
    mail["Date"] = formatdate(at)
    mail["Message-ID"] = f"<{_digest(message.key)}@{domain}>"
    thread = f"<{_digest('incident ' + (message.topic or message.incident_id))}@{domain}>"
    mail["References"] = thread
    if is_reply:
        mail["In-Reply-To"] = thread
    # out-of-office answers to a pager help nobody
    mail["Auto-Submitted"] = "auto-generated"
    told = with_link(page)
    mail.set_content((f"{headline(page)}\n\n{told}" if is_reply else told) + "\n")
    return mail


def _send(
    params: Email, mail: EmailMessage, password: str | None, timeout_seconds: float
) -> dict[str, tuple[int, bytes]]:
    # a name of our own: asking the resolver for it can take seconds
    with smtplib.SMTP(
        params.host, params.port, local_hostname="homeostat.local", timeout=timeout_seconds
    ) as server:
        if params.starttls:
            server.starttls(context=ssl.create_default_context())
        if params.username is not None and password is not None:
            server.login(params.username, password)
        return server.send_message(mail, params.sender, list(params.to))


def _by_code(code: int, what: str) -> Temporary | Permanent:
    """SMTP says it itself: 4xx passes, 5xx stays."""
    if code >= 500:
        return Permanent(f"{what} ({code})")
    return Temporary(f"{what} for now ({code})")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
