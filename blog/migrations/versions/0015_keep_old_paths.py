"""Keep where imported posts stood before, and let slugs be as long as theirs are."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = ("posts", "slugs")


def upgrade() -> None:
    op.create_table(
        "old_paths",
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_old_paths_post_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("path", name="pk_old_paths"),
    )
    op.create_index("ix_old_paths_post_id", "old_paths", ["post_id"])
    # of deleted posts nobody knows any more for whom they were, and of some nobody may hear that they were there
    op.execute("DELETE FROM slugs WHERE post_id IS NULL")
    if op.get_bind().dialect.name == "postgresql":  # SQLite counts no letters
        for table in TABLES:
            op.alter_column(table, "slug", type_=sa.String(length=200))


def downgrade() -> None:
    op.drop_table("old_paths")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DELETE FROM slugs WHERE length(slug) > 80")
        op.execute("UPDATE posts SET slug = left(slug, 68) || '-' || id WHERE length(slug) > 80")
        op.execute(
            "INSERT INTO slugs (slug, post_id, public) SELECT slug, id, published_at IS NOT NULL FROM posts"
            " WHERE slug NOT IN (SELECT slug FROM slugs)"
        )
        for table in TABLES:
            op.alter_column(table, "slug", type_=sa.String(length=80))
