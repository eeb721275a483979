"""Find pages among posts, for the navigation, without a look at every post."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pages = sa.text("kind = 'page'")
    op.create_index("ix_posts_pages", "posts", ["place", "id"], sqlite_where=pages, postgresql_where=pages)


def downgrade() -> None:
    op.drop_index("ix_posts_pages", "posts")
