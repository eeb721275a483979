"""Give authors pages: their handles, and an index for the list on each.

Authors from before get their handles from `flask --app blog upgrade`, right after this: a handle is keyed with
SECRET_KEY, which a migration does not know.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "handles",
        sa.Column("handle", sa.String(length=40), nullable=False),
        sa.Column("author_issuer", sa.String(length=500), nullable=False),
        sa.Column("author_id", sa.String(length=255), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("handle", name="pk_handles"),
    )
    op.create_index("ix_handles_author", "handles", ["author_issuer", "author_id"])
    op.create_index(
        "ix_handles_current",
        "handles",
        ["author_issuer", "author_id"],
        unique=True,
        sqlite_where=sa.text("current = 1"),
        postgresql_where=sa.text("current"),
    )
    op.create_index(
        "ix_posts_author_published", "posts", ["author_issuer", "author_id", "published_at", "id"]
    )


def downgrade() -> None:
    op.drop_index("ix_posts_author_published", "posts")
    op.drop_table("handles")
