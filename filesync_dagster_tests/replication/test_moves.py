"""The order of moves."""

from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.replication.moves import PlannedMove, order_moves


@given(st.permutations(list("abcdefgh")), st.integers(1, 8), st.randoms())
def test_no_move_lands_on_a_file_that_has_yet_to_go(targets, count, random):
    """Whatever chains and circles there are, every file arrives and none is overwritten on the way."""
    names = list("abcdefgh")
    moves = [PlannedMove(a, a, b) for a, b in zip(names[:count], targets, strict=False) if a != b]
    random.shuffle(moves)
    places = {move.path: move.external_id for move in moves}
    others = {name: name for name in names[:count] if name not in places}
    moves = [move for move in moves if move.new_path not in others]
    places = {move.path: move.external_id for move in moves}
    for move in order_moves(moves):
        assert places.pop(move.path) == move.external_id
        assert move.new_path not in places
        places[move.new_path] = move.external_id
    assert places == {move.new_path: move.external_id for move in moves}
