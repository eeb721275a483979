"""Let people comment on posts."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("posts", sa.Column("comments_closed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("posts", sa.Column("comments_live", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "comments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column("author_issuer", sa.String(length=500), nullable=True),
        sa.Column("author_id", sa.String(length=255), nullable=True),
        sa.Column("body_md", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("html_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_comments_post_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["parent_id"], ["comments.id"], name="fk_comments_parent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
        sa.UniqueConstraint("form_id", name="uq_comments_form_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_comments_author", "comments", ["author_issuer", "author_id", "id"])
    op.create_index("ix_comments_parent", "comments", ["parent_id", "state"])
    op.create_index("ix_comments_post_state", "comments", ["post_id", "state", "id"])
    op.create_index("ix_comments_state", "comments", ["state", "id"])
    op.create_index("ix_comments_thread", "comments", ["post_id", "thread_id", "id"])


def downgrade() -> None:
    op.drop_table("comments")
    op.drop_column("posts", "comments_live")
    op.drop_column("posts", "comments_closed")
