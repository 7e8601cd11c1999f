"""Check a receipt without asking the shop: ``python verify_receipt.py receipt.jws jwks.json`` (needs joserfc)."""

import json
import sys
from pathlib import Path

from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import KeySet

token = Path(sys.argv[1]).read_text().strip()
keys = KeySet.import_key_set(json.loads(Path(sys.argv[2]).read_text()))
try:
    receipt = json.loads(jws.deserialize_compact(token, keys, algorithms=["Ed25519"]).payload)
except BadSignatureError:
    sys.exit("NOT GOOD: the receipt was altered, or another key signed it")
except (JoseError, ValueError) as error:
    sys.exit(f"NOT GOOD: {error}")
print(f"good: {receipt['series']} {receipt['number']} for {receipt['total']['amount']} {receipt['total']['currency']}")
