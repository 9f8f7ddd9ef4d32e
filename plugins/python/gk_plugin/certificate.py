"""The certificate of one run, written byte by byte: importing what could make it takes longer than everything else that a start needs."""

from __future__ import annotations

import base64
import os
import time

_EC_KEY = bytes.fromhex("06072a8648ce3d0201")
_P256 = bytes.fromhex("06082a8648ce3d030107")
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_COMMON_NAME = bytes.fromhex("0603550403")
_ORGANIZATION = bytes.fromhex("060355040a")


def _der(tag: int, *parts: bytes) -> bytes:
    """One value of ASN.1's distinguished encoding."""
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    length = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(length)]) + length + body


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, *parts)


def _time(at: float) -> bytes:
    return _der(0x18, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(at)).encode())


def _extension(identifier: str, value: bytes, critical: bool = False) -> bytes:
    return _sequence(bytes.fromhex(identifier), *([b"\x01\x01\xff"] if critical else []), _der(0x04, value))


def _pem(label: str, der: bytes) -> bytes:
    text = base64.b64encode(der).decode()
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def certificate() -> tuple[bytes, bytes, bytes]:
    """A key on P-256 and a certificate for localhost that it signs itself (X.509, RFC 5280): the key and the certificate as PEM, and the
    certificate as DER."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.private_numbers()
    public = numbers.public_numbers
    point = _der(0x03, b"\x00\x04", public.x.to_bytes(32, "big"), public.y.to_bytes(32, "big"))
    name = _sequence(
        _der(0x31, _sequence(_COMMON_NAME, _der(0x0C, b"localhost"))),
        _der(0x31, _sequence(_ORGANIZATION, _der(0x0C, b"gk"))),
    )
    extensions = _sequence(
        _extension("0603551d11", _sequence(_der(0x82, b"localhost"))),  # subject alternative name
        _extension("0603551d13", _sequence(b"\x01\x01\xff"), True),  # basic constraints: signs certificates, its own
        _extension("0603551d0f", bytes.fromhex("03020284"), True),  # key usage: signatures, certificates
        _extension("0603551d25", _sequence(bytes.fromhex("06082b06010505070301"), bytes.fromhex("06082b06010505070302"))),  # server, client
    )
    now = time.time()
    signed = _sequence(
        _der(0xA0, b"\x02\x01\x02"),  # version 3
        _der(0x02, bytes([1 + os.urandom(1)[0] % 127]) + os.urandom(15)),  # serial number
        _ECDSA_SHA256,
        name,
        _sequence(_time(now - 60), _time(now + 3650 * 86400)),
        name,
        _sequence(_sequence(_EC_KEY, _P256), point),
        _der(0xA3, extensions),
    )
    der = _sequence(signed, _ECDSA_SHA256, _der(0x03, b"\x00", key.sign(signed, ec.ECDSA(hashes.SHA256()))))
    private = _sequence(b"\x02\x01\x01", _der(0x04, numbers.private_value.to_bytes(32, "big")), _der(0xA0, _P256), _der(0xA1, point))
    return _pem("EC PRIVATE KEY", private), _pem("CERTIFICATE", der), der
