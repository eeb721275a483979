"""Find posts by their words. The index is filled by `flask --app blog upgrade` afterwards, a hundred posts at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATEMENTS = {
    "sqlite": (
        "CREATE VIRTUAL TABLE fts_posts USING fts5(title_words, words, content='searchable',"
        " content_rowid='place', tokenize='ascii', prefix='2 3')",
        "CREATE TRIGGER fts_insert AFTER INSERT ON searchable BEGIN INSERT INTO fts_posts(rowid, title_words, words)"
        " VALUES (new.place, new.title_words, new.words); END",
        "CREATE TRIGGER fts_delete AFTER DELETE ON searchable BEGIN INSERT INTO fts_posts(fts_posts, rowid, title_words,"
        " words) VALUES ('delete', old.place, old.title_words, old.words); END",
        "CREATE TRIGGER fts_update BEFORE UPDATE ON searchable BEGIN"
        " SELECT RAISE(ABORT, 'a row of searchable is made anew, never changed'); END",
    ),
    "postgresql": (
        "ALTER TABLE searchable SET (toast_tuple_target = 128)",
        "ALTER TABLE searchable ADD COLUMN fts_title tsvector GENERATED ALWAYS AS"
        " (array_to_tsvector(array_remove(string_to_array(title_words, ' '), ''))) STORED",
        "ALTER TABLE searchable ADD COLUMN fts_words tsvector GENERATED ALWAYS AS"
        " (array_to_tsvector(array_remove(string_to_array(title_words || words, ' '), ''))) STORED",
        "CREATE INDEX fts_ix_title ON searchable USING gin (fts_title)",
        "CREATE INDEX fts_ix_words ON searchable USING gin (fts_words)",
        # a function, as the planner must be told not to go through all texts, which it thinks is cheap
        """CREATE OR REPLACE FUNCTION fts_find(tsquery, tsquery, text[], tsquery, integer, bigint, integer)
        RETURNS TABLE (place bigint, post_id integer) LANGUAGE sql STABLE SET enable_seqscan = off AS $$
        WITH titled AS MATERIALIZED (
          SELECT s.place, s.post_id FROM searchable s WHERE s.fts_title @@ $2 AND s.title_words LIKE ALL ($3)
          AND CASE WHEN $4 IS NULL THEN true ELSE NOT s.fts_words @@ $4 END
        ), hits AS MATERIALIZED (
          SELECT s.place, s.post_id FROM searchable s WHERE $5 = 1 AND s.fts_words @@ $1
        )
        SELECT t.place, t.post_id FROM titled t WHERE $5 = 0 AND t.place < $6
        UNION ALL
        SELECT h.place, h.post_id FROM hits h WHERE h.place < $6 AND h.place NOT IN (SELECT t.place FROM titled t)
        ORDER BY place DESC LIMIT $7 $$""",
    ),
}


def upgrade() -> None:
    op.create_table(
        "searchable",
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("words_version", sa.Integer(), nullable=False),
        sa.Column("title_words", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_searchable_post_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("place", name="pk_searchable"),
        sa.UniqueConstraint("post_id", name="uq_searchable_post_id"),
    )
    for statement in STATEMENTS[op.get_bind().dialect.name]:
        op.execute(statement)
    op.add_column("tag_names", sa.Column("first_tag_id", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE tag_names SET first_tag_id = tag_id")
    with op.batch_alter_table("tag_names") as tag_names:
        tag_names.alter_column("first_tag_id", existing_type=sa.Integer(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("tag_names") as tag_names:
        tag_names.drop_column("first_tag_id")
    op.drop_table("searchable")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE fts_posts")
    else:
        op.execute("DROP FUNCTION fts_find")
