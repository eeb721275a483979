"""Keep who holds a session apart from its notes. Everybody logs in anew."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM sessions")
    with op.batch_alter_table("sessions") as table:
        table.add_column(sa.Column("key_ref", sa.String(length=64), nullable=False))
        table.add_column(sa.Column("holder", sa.LargeBinary(), nullable=False))
        table.add_column(sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False))
        table.create_index("ix_sessions_key_ref", ["key_ref"])


def downgrade() -> None:
    op.execute("DELETE FROM sessions")
    with op.batch_alter_table("sessions") as table:
        table.drop_index("ix_sessions_key_ref")
        for name in ("checked_at", "holder", "key_ref"):
            table.drop_column(name)
