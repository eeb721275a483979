"""Keep tags, and what is said about posts beside their texts: kind, address, excerpt, language, image, first place."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def columns() -> tuple[sa.Column, ...]:
    return (
        sa.Column("kind", sa.String(length=4), nullable=False, server_default="post"),
        sa.Column("own_slug", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("excerpt_own", sa.Text(), nullable=True),
        sa.Column("lang", sa.String(length=35), nullable=True),
        sa.Column("canonical_url", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("image_alt", sa.Text(), nullable=False, server_default=""),
        sa.Column("place", sa.Integer(), nullable=False, server_default="0"),
    )


def upgrade() -> None:
    for column in columns():
        op.add_column("posts", column)
    op.create_table(
        "tags",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tags"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tag_names",
        sa.Column("folded", sa.String(length=150), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name="fk_tag_names_tag_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("folded", name="pk_tag_names"),
        sa.UniqueConstraint("slug", name="uq_tag_names_slug"),
    )
    op.create_index("ix_tag_names_tag_id", "tag_names", ["tag_id"])
    op.create_table(
        "post_tags",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("visible_to", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_post_tags_post_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name="fk_post_tags_tag_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "tag_id", name="pk_post_tags"),
    )
    op.create_index("ix_post_tags_visible", "post_tags", ["tag_id", "visible_to", "published_at", "post_id"])
    op.create_index("ix_post_tags_published", "post_tags", ["tag_id", "published_at", "post_id"])


def downgrade() -> None:
    # a page would come into the stream, which it never stood in
    op.execute("UPDATE posts SET published_at = NULL WHERE kind = 'page'")
    for table in ("post_tags", "tag_names", "tags"):
        op.drop_table(table)
    for column in reversed(columns()):
        op.drop_column("posts", column.name)
