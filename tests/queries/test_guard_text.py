"""The guard's check of a query's text, without an engine."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from followsuit.graph.query import QueryError
from followsuit.queries.guard import REFUSED, check_query


def test_backticks_make_an_ambiguous_word_a_name() -> None:
    with pytest.raises(QueryError, match="If it is a name, put it in backticks"):
        check_query("WITH [1] AS load RETURN load[0] AS x")
    assert check_query("WITH [1] AS load RETURN `load`[0] AS x")


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (n:Load)-[:COPY|EXPORT]->(m:`Import`) RETURN n.load, m.copy AS attach",
        "MATCH (n:Load {install: 1})-[load:CALL*1..2]-() RETURN load, n.`call`",
        "MATCH (load) WHERE load:Copy AND load.call IN [1] RETURN count(load)",
        "EXPLAIN MATCH (n) RETURN n",
        "profile match (n) return n;",
        "OPTIONAL MATCH (n) RETURN n UNION ALL UNWIND [1] AS n RETURN n",
    ],
)
def test_labels_types_and_properties_may_have_any_name(query: str) -> None:
    assert check_query(query) == query


def test_the_engine_gets_the_query_without_its_comments_and_with_its_places() -> None:
    said = "RETURN 1 // LOAD\n  AS /* COPY\n */ x -- '/* not one */'"
    run = check_query(said)
    assert "LOAD" not in run
    assert "COPY" not in run
    assert "'/* not one */'" in run
    assert (len(run), run.count("\n"), run.index("x --")) == (len(said), 2, said.index("x --"))


@pytest.mark.parametrize(
    "call",
    [
        "apoc.cypher.runFirstColumnSingle('LOAD CSV FROM \"x\" AS r RETURN r', {})",
        "APOC . Cypher /* */ . runFirstColumnMany ('x', {})",
        "`apoc`.cypher.`runFirstColumnMany`('x', {})",
        "apoc.`cypher`.runFirstColumnMany('x', {})",
        "`apoc.cypher.runFirstColumnMany`('x', {})",
        "genai.vector.encode('x', 'OpenAI', {})",
        "date.x.y(1) + n.apoc.run('x')",
    ],
)
def test_a_function_that_a_plugin_brings_is_refused(call: str) -> None:
    for query in (f"RETURN {call} AS x", f"MATCH (n) WHERE {call} = 1 RETURN n"):
        with pytest.raises(QueryError, match="may access more than the graph"):
            check_query(query)


@pytest.mark.parametrize(
    "query",
    [
        "RETURN date.truncate('day', datetime()) AS x, duration.between(date(), date()) AS y",
        "MATCH (c) RETURN vector.similarity.cosine(c.v, $v) AS x, point.distance(c.a, c.b) AS y",
        "MATCH (c:Customer) WHERE c.name IN (['a']) AND (c.x OR (c.y)) RETURN count(DISTINCT c.x)",
        "MATCH (c)-[:A*1..3]->(d), (e) WHERE c.`my name` = d.x RETURN (c.x), (d.y)",
        "CALL db.labels() YIELD label RETURN label",
        "UNWIND $rows AS r MATCH (c {id: r.id}) RETURN c.x ORDER BY c.x, (c.y)",
    ],
)
def test_functions_of_the_engine_and_brackets_are_let_through(query: str) -> None:
    assert check_query(query) == query


@pytest.mark.parametrize("quote", ["'", '"', "`", "/*"])
def test_an_unclosed_quote_is_refused_at_once(quote: str) -> None:
    place = r"The query was refused: the .+ at character 8 is not closed\."
    with pytest.raises(QueryError, match=place):
        check_query(f"RETURN {quote}x")
    began = time.process_time()
    for rest in ("\\'" * 90_000, "/*" * 90_000, '\\"' * 90_000):
        with pytest.raises(QueryError):
            check_query(f"RETURN {quote}{rest}"[:199_999])
    assert time.process_time() - began < 10


def test_a_text_of_any_length_is_read_or_refused_soon() -> None:
    began = time.process_time()
    assert check_query(f"RETURN {'+'.join(['1'] * 90_000)} AS x")
    assert check_query(f"RETURN {'(' * 90_000}1{')' * 90_000} AS x")
    assert check_query("RETURN 1 " + "CALL { " * 25_000)
    with pytest.raises(QueryError, match=r"200,001 characters; the limit is 200,000\. Pass"):
        check_query("RETURN 1".ljust(200_001))
    assert time.process_time() - began < 20


# Whatever somebody thinks of.

CORES = [
    ["LOAD", "CSV", "FROM", "'x'", "AS", "r", "RETURN", "r"],
    ["LOAD", "FROM", "'x'", "RETURN", "*"],
    ["COPY", "(", "RETURN", "1", "AS", "x", ")", "TO", "'x'"],
    ["EXPORT", "DATABASE", "'x'"],
    ["IMPORT", "DATABASE", "'x'"],
    ["ATTACH", "'x'", "AS", "y", "(", "dbtype", "lbug", ")"],
    ["INSTALL", "httpfs"],
    ["CALL", "apoc.load.json", "(", "'x'", ")"],
    ["CALL", "dbms.listConfig", "(", ")"],
    ["CALL", "threads", "=", "1"],
]
HEADS = [
    "",
    "RETURN 1 AS x;",
    "EXPLAIN",
    "PROFILE",
    "MATCH (n)",
    "WITH 'a' AS x",
    "CALL {",
    "RETURN COLLECT {",
    "UNWIND [1] AS as WITH as",
    "RETURN 'it\\'s' AS x;",
    "WITH 1 AS `'`",
    "RETURN 1 AS x UNION",
    "WITH 0 AS x WHERE x=0",
    'RETURN "\'" AS x;',
]

comments = st.text(st.characters(codec="utf-8", exclude_characters="*\n\r\\"), max_size=8)
gaps = st.lists(
    st.one_of(
        st.sampled_from([" ", "\n", "\t", "\r\n", "\u00a0", "\x0b", "/**/", "/***/", "/* /* */"]),
        comments.map(lambda text: f"/*{text}*/"),
        comments.map(lambda text: f"//{text}\n"),
    ),
    min_size=1,
    max_size=3,
).map("".join)


@st.composite
def hidden_clauses(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(HEADS)) + draw(gaps)
    for word in draw(st.sampled_from(CORES)):
        upper = draw(st.lists(st.booleans(), min_size=len(word), max_size=len(word)))
        letters = zip(word, upper, strict=True)
        text += "".join(c.upper() if up else c.lower() for c, up in letters) + draw(gaps)
    return text + draw(st.sampled_from(["", "}", ";", "// '", "/* ' */"]))


@given(hidden_clauses())
@settings(max_examples=500, deadline=None)
def test_no_wrapping_gets_a_refused_clause_through(query: str) -> None:
    with pytest.raises(QueryError):
        check_query(query)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_text_that_holds_the_words_passes(data: st.DataObject) -> None:
    words = st.sampled_from([*REFUSED, "CALL", "load csv from", ";", "//", "/*", "*/", "`"])
    free = st.text(st.characters(codec="utf-8", exclude_characters="\\"), max_size=5)
    text = "".join(data.draw(st.lists(st.one_of(words, free), max_size=6)))
    quote = data.draw(st.sampled_from(["'", '"']))
    query = f"RETURN {quote}{text.replace(quote, chr(92) + quote)}{quote} AS x"
    assert check_query(query) == query
