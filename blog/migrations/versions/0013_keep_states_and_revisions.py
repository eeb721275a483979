"""Keep what was taken back, what is in the trash, and every text a post had."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("posts", sa.Column("unpublished_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("posts", sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_posts_updated", "posts", ["updated_at", "id"])
    there = sa.text("trashed_at IS NOT NULL")
    op.create_index("ix_posts_trashed", "posts", ["trashed_at", "id"], sqlite_where=there, postgresql_where=there)
    op.create_table(
        "revisions",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("body_md", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_issuer", sa.String(length=500), nullable=True),
        sa.Column("by_id", sa.String(length=255), nullable=True),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_revisions_post_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "number", name="pk_revisions"),
    )
    op.create_index("ix_revisions_by", "revisions", ["by_issuer", "by_id"])
    # a draft that was public at one of its addresses was taken back, when is not known
    op.execute(
        "UPDATE posts SET unpublished_at = updated_at WHERE published_at IS NULL"
        " AND EXISTS (SELECT 1 FROM slugs WHERE slugs.post_id = posts.id AND slugs.public)"
    )
    op.execute(
        "INSERT INTO revisions (post_id, number, title, body_md, saved_at, added, removed)"
        " SELECT id, 1, title, body_md, updated_at, 0, 0 FROM posts"
    )


def downgrade() -> None:
    # before this migration there was no trash: what is in it would be drafts, which nobody asked for; it goes
    op.execute("DELETE FROM slugs WHERE NOT public AND post_id IN (SELECT id FROM posts WHERE trashed_at IS NOT NULL)")
    op.execute("UPDATE slugs SET post_id = NULL WHERE post_id IN (SELECT id FROM posts WHERE trashed_at IS NOT NULL)")
    op.drop_table("revisions")
    op.execute("DELETE FROM posts WHERE trashed_at IS NOT NULL")
    op.drop_index("ix_posts_trashed", "posts")
    op.drop_index("ix_posts_updated", "posts")
    op.drop_column("posts", "trashed_at")
    op.drop_column("posts", "unpublished_at")
