"""Opens what the vault has sealed, without the vault: the envelope of
daemon/vault/sealing.h, by Python and the machine's OpenSSL. So a test knows keys
that the daemon shows nobody."""

import ctypes
import hashlib
import hmac
import sqlite3
import struct
import unittest

# Where an envelope's parts begin, see daemon/vault/sealing.h.
SALT_AT, COMMITMENT_AT, NONCE_AT, CIPHERTEXT_AT, TAG_BYTES = 17, 49, 81, 93, 16
KEY_BYTES = 32
SET_TAG = 0x11
# Of scrypt: what daemon/vault/passphrase.h asks for by default, and some more.
SCRYPT_BYTES_MAX = 256 << 20


def derive(key, salt, info, size):
    """HKDF-SHA256 (RFC 5869)."""
    secret = hmac.new(salt, key, hashlib.sha256).digest()
    derived, block = b'', b''
    while len(derived) < size:
        number = bytes([len(derived) // KEY_BYTES + 1])
        block = hmac.new(secret, block + info + number, hashlib.sha256).digest()
        derived += block
    return derived[:size]


def row_identity(*parts):
    return b''.join(struct.pack('>I', len(part)) + part for part in parts)


def decrypt(key, nonce, ciphertext, tag, authenticated):
    """AES-256-GCM; None unless the tag is right."""
    try:
        crypto = ctypes.CDLL('libcrypto.so.3')
    except OSError as error:
        raise unittest.SkipTest(f'no OpenSSL 3: {error}') from None
    for function in (crypto.EVP_CIPHER_CTX_new, crypto.EVP_aes_256_gcm):
        function.restype = ctypes.c_void_p
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    plain = ctypes.create_string_buffer(len(ciphertext) + 1)
    written = ctypes.byref(ctypes.c_int())
    done = (crypto.EVP_DecryptInit_ex(context, ctypes.c_void_p(crypto.EVP_aes_256_gcm()), None,
                                      key, nonce) == 1 and
            crypto.EVP_DecryptUpdate(context, None, written, authenticated,
                                     len(authenticated)) == 1 and
            crypto.EVP_DecryptUpdate(context, plain, written, ciphertext, len(ciphertext)) == 1 and
            crypto.EVP_CIPHER_CTX_ctrl(context, SET_TAG, TAG_BYTES, tag) == 1 and
            crypto.EVP_DecryptFinal_ex(context, None, written) == 1)
    crypto.EVP_CIPHER_CTX_free(context)
    return plain.raw[:-1] if done else None


def open_envelope(key, envelope, identity):
    derived = derive(key, envelope[SALT_AT:COMMITMENT_AT], b'keyturn envelope 1', 2 * KEY_BYTES)
    return decrypt(derived[:KEY_BYTES], envelope[NONCE_AT:CIPHERTEXT_AT],
                   envelope[CIPHERTEXT_AT:-TAG_BYTES], envelope[-TAG_BYTES:],
                   envelope[:NONCE_AT] + identity)


def data_keys(store, root_key):
    """The data keys of a store, oldest first."""
    database = sqlite3.connect(f'file:{store}?mode=ro', uri=True)
    try:
        rows = database.execute('SELECT id, wrapped FROM data_keys ORDER BY position').fetchall()
    finally:
        database.close()
    return [open_envelope(root_key, wrapped, row_identity(b'data-key', key.encode(), b'counted'))
            for key, wrapped in rows]


def row_key(oldest_data_key):
    """What authenticates the rows of credentials, see daemon/vault/row_key.h."""
    return hmac.new(oldest_data_key, b'keyturn row key 1', hashlib.sha256).hexdigest().encode()


def root_key_of(passphrase, parameters):
    """The root key of a passphrase; `parameters` is the file that goes with it."""
    (r, p), n = struct.unpack('>II', parameters[2:10]), 1 << parameters[1]
    derived = hashlib.scrypt(passphrase.encode(), salt=parameters[10:42], n=n, r=r, p=p,
                             maxmem=SCRYPT_BYTES_MAX, dklen=2 * KEY_BYTES)
    assert derived[KEY_BYTES:] == parameters[42:], 'the commitment is another one'
    return derived[:KEY_BYTES]
