"""TIFU-KNN against figures worked out by hand."""

import numpy as np
import pytest

from models_onnx.interest.tifu_knn import TifuSettings, neighbour_means, tifu_knn, user_vectors


def vectors(lines, shape, settings):
    users, baskets, items = (np.array(column, dtype=np.int64) for column in zip(*lines, strict=True))
    return user_vectors(users, baskets, items, shape, settings)


def test_baskets_fade_within_groups_and_groups_between_each_other():
    settings = TifuSettings(groups=2, within=0.5, between=0.1)
    # four baskets in two groups of two: weights, newest first, 1/2, .5/2, .1/2, .05/2, over two groups
    found = vectors([(0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 3, 3)], (1, 4), settings).toarray()
    assert found[0] == pytest.approx([0.0125, 0.025, 0.125, 0.25])


def test_a_group_that_is_not_full_is_the_mean_of_what_it_holds():
    settings = TifuSettings(groups=2, within=1.0, between=0.5)
    # three baskets, groups of two: the oldest stands alone
    found = vectors([(0, 0, 0), (0, 1, 1), (0, 2, 1)], (1, 2), settings).toarray()
    assert found[0] == pytest.approx([0.25, 0.5])


def test_an_item_twice_in_a_basket_counts_once():
    once = vectors([(0, 0, 0)], (1, 1), TifuSettings()).toarray()
    twice = vectors([(0, 0, 0), (0, 0, 0)], (1, 1), TifuSettings()).toarray()
    assert once[0, 0] == twice[0, 0] == 1


def test_a_user_without_purchases_has_an_empty_vector():
    found = vectors([(1, 0, 0)], (3, 1), TifuSettings()).toarray()
    assert found.reshape(-1).tolist() == [0, 1, 0]
    empty = np.empty(0, dtype=np.int64)
    assert user_vectors(empty, empty, empty, (2, 3), TifuSettings()).nnz == 0


def test_neighbours_are_the_nearest_and_never_the_user():
    own = vectors([(0, 0, 0), (1, 1, 0), (2, 2, 1), (3, 3, 1)], (4, 2), TifuSettings())
    assert neighbour_means(own, 1).toarray().tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    # more neighbours than there are others: all others
    assert neighbour_means(own, 300).toarray()[0] == pytest.approx([1 / 3, 2 / 3])
    assert neighbour_means(own, 1, piece=1).toarray().tolist() == neighbour_means(own, 1).toarray().tolist()


def test_one_user_has_no_neighbours():
    own = vectors([(0, 0, 0)], (1, 1), TifuSettings())
    assert tifu_knn(own, neighbour_means(own, 300), 0.7).toarray().tolist() == [[0.7]]
