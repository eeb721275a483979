"""Keep an audit of what operators do with authors' posts, and whose names are to be forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("by", sa.String(length=20), nullable=False),
        sa.Column("key_ref", sa.String(length=64), nullable=False),
        sa.Column("into_ref", sa.String(length=64), nullable=True),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("parked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_key_ref", "audit", ["key_ref"])
    op.create_index("ix_audit_into_ref", "audit", ["into_ref"])
    op.create_table(
        "forgotten",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_forgotten"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_forgotten_at", "forgotten", ["at"])


def downgrade() -> None:
    op.drop_table("forgotten")
    op.drop_table("audit")
