"""Count views."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "views",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("views", sa.Integer(), nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_views_post_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "day", name="pk_views"),
    )
    op.create_index("ix_views_day", "views", ["day", "post_id"])


def downgrade() -> None:
    op.drop_table("views")
