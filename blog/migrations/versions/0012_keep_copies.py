"""Keep copies of what is being typed and has not been saved."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "copies",
        sa.Column("form_id", sa.String(length=64), nullable=False),
        sa.Column("author_issuer", sa.String(length=500), nullable=False),
        sa.Column("author_id", sa.String(length=255), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("base", sa.Text(), nullable=True),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_copies_post_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("form_id", name="pk_copies"),
    )
    op.create_index("ix_copies_author", "copies", ["author_issuer", "author_id", "kept_at"])
    op.create_index("ix_copies_kept_at", "copies", ["kept_at"])
    op.create_index("ix_copies_post_id", "copies", ["post_id"])


def downgrade() -> None:
    op.drop_table("copies")
