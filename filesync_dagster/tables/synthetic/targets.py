"""Targets: what a tree that models a column has to tell apart, as a few numbers for each row."""

import numpy as np
from numpy.typing import NDArray

from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.synthetic.values import ColumnValues, Floats

SMALLEST_SHARE = 1e-4
NULL_FACTOR = 2.0
"""How far NULL is from the other values, in standard deviations of these."""

CLASS_COUNT = 12
"""So many classes have a number each; more are told apart by as many numbers, in an embedding of classes."""


def rank_target(values: ColumnValues) -> Floats:
    """Return the normal scores of the ranks of numbers (so that large ones count), and whether they are NULL."""
    special = import_from_extra("scipy.special", "tables", "Synthetic data")
    scores = special.ndtri(np.clip(mean_ranks(values), SMALLEST_SHARE, 1 - SMALLEST_SHARE))
    if not values.null.any():
        return np.asarray(scores[:, None])
    return np.column_stack((scores, values.null * NULL_FACTOR))


def mean_ranks(values: ColumnValues) -> Floats:
    """Return the rank of each value among those that are not NULL, from 0 to 1; equal ones share it. NULL: 0.5."""
    present = values.present()
    ranks = np.full(len(values), 0.5)
    if len(present):
        _, places, counts = np.unique(present, return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - counts / 2
        ranks[~values.null] = middle[places] / len(present)
    return ranks


def class_target(codes: NDArray[np.int32], centres: Floats | None = None) -> Floats:
    """Return indicators of classes (NULL is one), or their places in an embedding where there are many.

    `centres`: a place for each class that means something, instead of one by chance.
    """
    classes, places = np.unique(codes, return_inverse=True)
    if centres is not None and len(classes) > 1:
        if centres.shape[1] > CLASS_COUNT:
            _, _, axes = np.linalg.svd(centres - centres.mean(axis=0), full_matrices=False)
            centres = np.einsum("ij,kj->ik", centres - centres.mean(axis=0), axes[:CLASS_COUNT])
        known = np.vstack((np.zeros(centres.shape[1]), centres))
        return np.asarray(known[np.minimum(codes + 1, len(known) - 1)], dtype=np.float64)
    if len(classes) <= CLASS_COUNT:
        return np.eye(len(classes))[places]
    embedding = np.random.default_rng(len(classes)).normal(size=(len(classes), CLASS_COUNT)) / np.sqrt(CLASS_COUNT)
    return np.asarray(embedding[places], dtype=np.float64)
