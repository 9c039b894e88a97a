"""Files that only their recipient can read: encrypted with age on their way to the disk, which never sees them in plain.

age is a format and a tool (age-encryption.org); pyrage binds its Rust implementation. Each file is encrypted with a fresh key, so
the same content gives other bytes every time.
"""

import hashlib
import io
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from promo_cli.destinations.parts import Part
from promo_cli.errors import ENVIRONMENT_FAULT, USAGE_FAULT, PromoError

ENDING = ".age"


class Recipients:
    """Public keys that files are encrypted to, as they were written; none: files stay in plain."""

    def __init__(self, asked: Sequence[str] = ()) -> None:
        """Read `asked`: age keys, SSH public keys, or files of such keys, one a line.

        Raises PromoError when one is none of them (exit code 2) or pyrage is not installed (exit code 3).
        """
        self.keys = [key for given in asked for key in _keys_of(given)]
        self._recipients = [_recipient(key) for key in self.keys]

    @property
    def ending(self) -> str:
        """What the names of files end in."""
        return ENDING if self.keys else ""

    @contextmanager
    def sealing(self, file: IO[bytes]) -> Iterator[IO[bytes]]:
        """What is written to the yielded file is in `file` at the block's end, encrypted. Raises OSError as `file` does."""
        if not self.keys:
            yield file
            return
        sealed = SealedFile(file, self._recipients)
        try:
            yield sealed  # type: ignore[misc]
        except BaseException:
            sealed.abandon()
            raise
        sealed.close()

    def told(self) -> dict[str, Any]:
        """A manifest's entry: to whom the file is encrypted."""
        return {"encrypted_to": self.keys} if self.keys else {}


class SealedFile(io.RawIOBase):
    """Written to in plain, encrypted by a thread at the other end of a pipe into `file`."""

    def __init__(self, file: IO[bytes], recipients: Sequence[Any]) -> None:
        self.file = file
        self._written = 0
        self._error: BaseException | None = None
        reading, self._writing = os.pipe()
        self._thread = threading.Thread(target=self._encrypt, args=(reading, list(recipients)), daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, content: Any) -> int:
        rest = memoryview(content).cast("B")
        length = len(rest)
        try:
            while rest:
                rest = rest[os.write(self._writing, rest) :]
        except BrokenPipeError:  # the other end has failed, and says why
            self.close()
            raise
        self._written += length
        return length

    def close(self) -> None:
        """The last of it is in `file`. Raises what the encryption did, e.g. OSError for want of space."""
        if not self.closed:
            super().close()
            os.close(self._writing)
            self._thread.join()
            if self._error is not None:
                raise self._error

    def abandon(self) -> None:
        """Ends without a word: what is in `file` is of no use."""
        with suppress(Exception):  # another error is on its way already
            self.close()

    def _encrypt(self, reading: int, recipients: list[Any]) -> None:
        import pyrage

        sink = _Sink(self.file)
        try:
            with open(reading, "rb", buffering=1 << 16) as plain:
                pyrage.encrypt_io(plain, sink, recipients)
        except BaseException as error:
            self._error = sink.error or error  # raised where the file is written


class _Sink:
    """What pyrage writes to: it remembers the error of the file, of which pyrage makes one of its own."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        try:
            return self._file.write(content)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def settle(part: Part) -> None:
    """A part whose last line is written: from now on its file, size and hash are those on disk."""
    if not isinstance(part.file, SealedFile):
        return
    part.file.close()
    part.file = part.file.file
    part.file.flush()
    part.file.seek(0)
    part.hasher = hashlib.file_digest(part.file, hashlib.sha256)  # type: ignore[arg-type]
    part.size = part.file.tell()


def _keys_of(given: str) -> list[str]:
    """The keys of a file, or the one that `given` is."""
    given = given.strip()
    if given.startswith(("age1", "ssh-")) or _is_secret(given):
        return [given]
    try:
        lines = [line.strip() for line in Path(given).read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError, ValueError):
        raise PromoError(
            "--encrypt-to takes an age key (age1…), an SSH public key (ssh-ed25519 … or ssh-rsa …) or a file of such keys, one a "
            "line; what was given is none of them",
            USAGE_FAULT,
        ) from None
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise PromoError(f"{given} holds no key to encrypt to", USAGE_FAULT)
    return keys


def _recipient(key: str) -> Any:
    try:
        import pyrage
    except ImportError:
        raise PromoError("--encrypt-to needs the extra encrypt: pip install 'offerhouse[encrypt]'", ENVIRONMENT_FAULT) from None
    if _is_secret(key):
        raise PromoError("--encrypt-to was given a secret key; give the public one that goes with it", USAGE_FAULT)
    try:
        return pyrage.ssh.Recipient.from_str(key) if key.startswith("ssh-") else pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError as error:
        raise PromoError(f"--encrypt-to: {key[:24]}… is no public key: {error}", USAGE_FAULT) from None


def _is_secret(key: str) -> bool:
    return key.upper().startswith("AGE-SECRET-KEY-") or "PRIVATE KEY" in key
