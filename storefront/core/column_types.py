"""Column types that mean the same on both databases; used by tables and by migrations.

Text is compared byte by byte: on PostgreSQL a database's own collation may ignore punctuation, which would
break ranges of account ids and the order of events.
"""

from sqlalchemy import Text

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
