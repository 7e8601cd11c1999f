"""The first tables: ledger, catalog, purchases, events, jobs."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost, append_only_triggers
from storefront.core.column_types import TEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    ("entries", ('id',)),
    ("transfers", ('entry_id', 'position')),
    ("draws", ('entry_id', 'position')),
    ("item_movements", ('id',)),
    ("events", ('anchor', 'sequence')),
    ("catalog_versions", ('hash',)),
    ("alarms", ('id',)),
    ("audit_actions", ('id',)),
)


def upgrade() -> None:
    op.create_table('accounts',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('owner', TEXT, nullable=False),
    sa.Column('role', TEXT, nullable=False),
    sa.Column('asset', TEXT, nullable=False),
    sa.Column('guarded', sa.Integer(), nullable=False),
    sa.Column('balance', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('guarded = 0 OR balance >= 0', name='guarded_account_not_below_zero'),
    sa.PrimaryKeyConstraint('id'),
    sqlite_with_rowid=False
    )
    op.create_table('alarms',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('about', TEXT, nullable=False),
    sa.Column('facts', TEXT, nullable=False),
    sa.Column('raised_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('anchors',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sqlite_with_rowid=False
    )
    op.create_table('api_keys',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('name', TEXT, nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('scopes', TEXT, nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=True),
    sa.Column('revoked_at', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('audit_actions',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('actor', TEXT, nullable=False),
    sa.Column('action', TEXT, nullable=False),
    sa.Column('about', TEXT, nullable=False),
    sa.Column('facts', TEXT, nullable=False),
    sa.Column('occurred_at', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('catalog_versions',
    sa.Column('hash', TEXT, nullable=False),
    sa.Column('document', TEXT, nullable=False),
    sa.Column('stored_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('hash')
    )
    op.create_table('claims',
    sa.Column('key', TEXT, nullable=False),
    sa.Column('about', TEXT, nullable=False),
    sa.PrimaryKeyConstraint('key'),
    sqlite_with_rowid=False
    )
    op.create_table('counters',
    sa.Column('key', TEXT, nullable=False),
    sa.Column('anchor', TEXT, nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('key'),
    sqlite_with_rowid=False
    )
    op.create_table('customers',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('external_id', TEXT, nullable=False),
    sa.Column('country', TEXT, nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('external_id')
    )
    op.create_table('entitlements',
    sa.Column('customer_id', TEXT, nullable=False),
    sa.Column('key', TEXT, nullable=False),
    sa.Column('source_id', TEXT, nullable=False),
    sa.Column('id', TEXT, nullable=False),
    sa.Column('source_type', TEXT, nullable=False),
    sa.Column('sku', TEXT, nullable=True),
    sa.Column('value', TEXT, nullable=False),
    sa.Column('granted_at', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=True),
    sa.Column('ended_at', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('customer_id', 'key', 'source_id'),
    sqlite_with_rowid=False
    )
    op.create_table('entries',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('commit_no', sa.BigInteger(), nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('about', TEXT, nullable=False),
    sa.Column('anchor', TEXT, nullable=False),
    sa.Column('actor', TEXT, nullable=False),
    sa.Column('reverses', TEXT, nullable=True),
    sa.Column('occurred_at', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sqlite_with_rowid=False
    )
    op.create_index('entries_by_anchor', 'entries', ['anchor', 'id'], unique=False)
    op.create_table('events',
    sa.Column('anchor', TEXT, nullable=False),
    sa.Column('sequence', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('id', TEXT, nullable=False),
    sa.Column('commit_no', sa.BigInteger(), nullable=False),
    sa.Column('type', TEXT, nullable=False),
    sa.Column('subject', TEXT, nullable=False),
    sa.Column('occurred_at', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', sa.BigInteger(), nullable=False),
    sa.Column('payload', TEXT, nullable=False),
    sa.PrimaryKeyConstraint('anchor', 'sequence'),
    sqlite_with_rowid=False
    )
    op.create_index('events_in_commit_order', 'events', ['commit_no', 'anchor', 'sequence'], unique=False)
    op.create_table('idempotency',
    sa.Column('caller', TEXT, nullable=False),
    sa.Column('operation', TEXT, nullable=False),
    sa.Column('key', TEXT, nullable=False),
    sa.Column('fingerprint', sa.LargeBinary(), nullable=False),
    sa.Column('object_id', TEXT, nullable=True),
    sa.Column('state', TEXT, nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('open', 'answered')", name='idempotency_state_known'),
    sa.PrimaryKeyConstraint('caller', 'operation', 'key'),
    sqlite_with_rowid=False
    )
    op.create_table('inbox',
    sa.Column('gateway', TEXT, nullable=False),
    sa.Column('account', TEXT, nullable=False),
    sa.Column('event_id', TEXT, nullable=False),
    sa.Column('type', TEXT, nullable=False),
    sa.Column('reference', TEXT, nullable=True),
    sa.Column('state', TEXT, nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.Column('note', TEXT, nullable=True),
    sa.Column('received_at', sa.BigInteger(), nullable=False),
    sa.Column('processed_at', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('gateway', 'account', 'event_id')
    )
    op.create_table('item_movements',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('commit_no', sa.BigInteger(), nullable=False),
    sa.Column('customer_id', TEXT, nullable=False),
    sa.Column('sku', TEXT, nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('cause', TEXT, nullable=False),
    sa.Column('about', TEXT, nullable=False),
    sa.Column('bought_with', TEXT, nullable=True),
    sa.CheckConstraint('quantity <> 0', name='item_movement_not_zero'),
    sa.PrimaryKeyConstraint('id'),
    sqlite_with_rowid=False
    )
    op.create_table('items',
    sa.Column('customer_id', TEXT, nullable=False),
    sa.Column('sku', TEXT, nullable=False),
    sa.Column('id', TEXT, nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('frozen', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('granted_at', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=True),
    sa.CheckConstraint('quantity >= 0 AND frozen >= 0 AND frozen <= quantity', name='item_quantity_not_below_zero'),
    sa.PrimaryKeyConstraint('customer_id', 'sku'),
    sqlite_with_rowid=False
    )
    op.create_table('jobs',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('unique_key', TEXT, nullable=False),
    sa.Column('anchor', TEXT, nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('payload', TEXT, nullable=False),
    sa.Column('state', TEXT, nullable=False),
    sa.Column('due_at', sa.BigInteger(), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('lease_until', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_error', TEXT, nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('waiting', 'dead')", name='job_state_known'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('unique_key')
    )
    op.create_index('jobs_due', 'jobs', ['due_at'], unique=False, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))
    op.create_table('lots',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('account', TEXT, nullable=False),
    sa.Column('source', TEXT, nullable=False),
    sa.Column('payment', TEXT, nullable=True),
    sa.Column('cost_amount', sa.BigInteger(), nullable=True),
    sa.Column('cost_currency', TEXT, nullable=True),
    sa.Column('priority', sa.BigInteger(), nullable=False),
    sa.Column('opened_at', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=True),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('remaining', sa.BigInteger(), nullable=False),
    sa.Column('held', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('frozen', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.CheckConstraint('held >= 0 AND frozen >= 0 AND held + frozen <= remaining', name='lot_pins_within_remaining'),
    sa.CheckConstraint('remaining >= 0 AND remaining <= amount', name='lot_remaining_within_amount'),
    sa.PrimaryKeyConstraint('id'),
    sqlite_with_rowid=False
    )
    op.create_index('lots_open', 'lots', ['account'], unique=False, sqlite_where=sa.text('remaining > 0'), postgresql_where=sa.text('remaining > 0'))
    op.create_table('purchases',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('customer_id', TEXT, nullable=False),
    sa.Column('sku', TEXT, nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('status', TEXT, nullable=False),
    sa.Column('refunded', TEXT, nullable=False),
    sa.Column('dispute', TEXT, nullable=False),
    sa.Column('pay_with', TEXT, nullable=False),
    sa.Column('payment_state', TEXT, nullable=False),
    sa.Column('currency', TEXT, nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=False),
    sa.Column('catalog_version', TEXT, nullable=False),
    sa.Column('lines', TEXT, nullable=False),
    sa.Column('reserved', TEXT, nullable=False),
    sa.Column('details', TEXT, nullable=False),
    sa.Column('metadata', TEXT, nullable=False),
    sa.Column('entry_id', TEXT, nullable=True),
    sa.Column('reason', TEXT, nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.Column('completed_at', sa.BigInteger(), nullable=True),
    sa.Column('expires_at', sa.BigInteger(), nullable=True),
    sa.CheckConstraint('quantity >= 1 AND total >= 0', name='purchase_amounts_sane'),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('purchases_by_customer', 'purchases', ['customer_id', 'id'], unique=False)
    op.create_table('settings',
    sa.Column('key', TEXT, nullable=False),
    sa.Column('value', TEXT, nullable=False),
    sa.PrimaryKeyConstraint('key'),
    sqlite_with_rowid=False
    )
    op.create_table('draws',
    sa.Column('entry_id', TEXT, nullable=False),
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('transfer', sa.Integer(), nullable=False),
    sa.Column('lot_id', TEXT, nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('amount > 0', name='draw_amount_positive'),
    sa.ForeignKeyConstraint(['entry_id'], ['entries.id'], ),
    sa.PrimaryKeyConstraint('entry_id', 'position'),
    sqlite_with_rowid=False
    )
    op.create_table('payments',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('purchase_id', TEXT, nullable=False),
    sa.Column('customer_id', TEXT, nullable=False),
    sa.Column('gateway', TEXT, nullable=False),
    sa.Column('gateway_ref', TEXT, nullable=True),
    sa.Column('gateway_payment', TEXT, nullable=True),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('currency', TEXT, nullable=False),
    sa.Column('state', TEXT, nullable=False),
    sa.Column('redirect_url', TEXT, nullable=True),
    sa.Column('return_url', TEXT, nullable=True),
    sa.Column('lease_until', sa.BigInteger(), nullable=False),
    sa.Column('asked_at', sa.BigInteger(), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['purchase_id'], ['purchases.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('purchase_id')
    )
    op.create_index('payments_by_gateway_ref', 'payments', ['gateway', 'gateway_ref'], unique=False)
    op.create_table('transfers',
    sa.Column('entry_id', TEXT, nullable=False),
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('source', TEXT, nullable=False),
    sa.Column('destination', TEXT, nullable=False),
    sa.Column('asset', TEXT, nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('amount > 0', name='transfer_amount_positive'),
    sa.CheckConstraint('source <> destination', name='transfer_between_two_accounts'),
    sa.ForeignKeyConstraint(['entry_id'], ['entries.id'], ),
    sa.PrimaryKeyConstraint('entry_id', 'position'),
    sqlite_with_rowid=False
    )
    dialect = op.get_context().dialect.name
    for table, primary_key in APPEND_ONLY:
        for statement in append_only_triggers(dialect, table, primary_key):
            op.execute(statement)


def downgrade() -> None:
    raise LedgerWouldBeLost("0001 holds the ledger itself: it is never taken down")
