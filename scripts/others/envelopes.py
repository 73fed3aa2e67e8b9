"""Reads cases, one JSON object a line: `key`, a public key as PEM, and `document`, an envelope. Writes a line for each: `accepted` where
securesystemslib accepts the envelope from that key, `refused: WHY` where it refuses it. Another error ends the program."""

import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

for line in sys.stdin:
    case = json.loads(line)
    key = SSlibKey.from_crypto(load_pem_public_key(case["key"].encode()))
    key.keyid = ""  # securesystemslib only tries keys of the envelope's keyid, which is empty
    try:
        Envelope.from_dict(case["document"]).verify([key], 1)
        print("accepted")
    except VerificationError as error:
        print("refused:", error)
