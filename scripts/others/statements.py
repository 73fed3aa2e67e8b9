"""Reads cases, one JSON object a line: `payload`, bytes in base64. Writes a line for each: `accepted` where in-toto-attestation takes
them for a statement, `refused: WHY` where it does not. Another error ends the program."""

import base64
import json
import sys

from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement

for line in sys.stdin:
    payload = base64.b64decode(json.loads(line)["payload"])
    try:
        message = json_format.Parse(payload, statement_pb2.Statement())
        Statement.copy_from_pb(message).validate()
        print("accepted")
    except (json_format.ParseError, ValueError) as error:
        print("refused:", " ".join(str(error).split())[:200])
