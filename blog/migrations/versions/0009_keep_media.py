"""Keep what there is of uploaded pictures, whose they are, and which posts use them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "media",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("widths", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_media"),
    )
    op.create_table(
        "media_holders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("author_issuer", sa.String(length=500), nullable=False),
        sa.Column("author_id", sa.String(length=255), nullable=False),
        sa.Column("alt", sa.Text(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["name"], ["media.name"], name="fk_media_holders_name", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_media_holders"),
        sa.UniqueConstraint("name", "author_issuer", "author_id", name="uq_media_holders_name_author_issuer_author_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_media_holders_author", "media_holders", ["author_issuer", "author_id", "id"])
    op.create_table(
        "post_media",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_post_media_post_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["name"], ["media.name"], name="fk_post_media_name", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "name", name="pk_post_media"),
    )
    op.create_index("ix_post_media_name", "post_media", ["name"])


def downgrade() -> None:
    op.drop_table("post_media")
    op.drop_table("media_holders")
    op.drop_table("media")
