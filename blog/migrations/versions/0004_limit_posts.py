"""Let posts be for logged-in people or for groups only."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("posts", sa.Column("visible_to", sa.String(length=10), nullable=False, server_default="everyone"))
    op.create_index("ix_posts_visible", "posts", ["visible_to", "published_at", "id"])
    op.create_table(
        "post_groups",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_post_groups_post_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "name", name="pk_post_groups"),
    )


def downgrade() -> None:
    # before this migration everybody saw every live post; what was not for everybody becomes a draft
    op.execute("UPDATE posts SET published_at = NULL WHERE visible_to <> 'everyone'")
    op.drop_table("post_groups")
    op.drop_index("ix_posts_visible", "posts")
    op.drop_column("posts", "visible_to")
