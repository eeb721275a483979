"""Let several authors, and guests, be named above a post."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "post_authors",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("author_issuer", sa.String(length=500), nullable=True),
        sa.Column("author_id", sa.String(length=255), nullable=True),
        sa.Column("guest", sa.String(length=80), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_post_authors_post_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "position", name="pk_post_authors"),
    )
    op.create_index("ix_post_authors_author", "post_authors", ["author_issuer", "author_id", "post_id"], unique=True)


def downgrade() -> None:
    # before this migration a post was its holder's alone; where readers saw others instead, it becomes a draft, as it
    # would stand under the wrong name
    op.execute(
        "UPDATE posts SET published_at = NULL WHERE EXISTS (SELECT 1 FROM post_authors WHERE post_id = posts.id"
        " AND agreed_at IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM post_authors WHERE post_id = posts.id"
        " AND author_issuer = posts.author_issuer AND author_id = posts.author_id)"
    )
    op.drop_table("post_authors")
