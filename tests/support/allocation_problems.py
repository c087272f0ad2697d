"""Random allocation problems, and their optimum by HiGHS."""

import highspy
import numpy as np
from scipy import sparse

from followsuit.policy.allocation.problem import Problem


def random_problem(
    seed: int, customers: int, per: int, *, limits: int = 5, tight: float = 0.3, at_most: int = 2
) -> Problem:
    """Rows that each use one to three limits; the first limit is a budget.

    Args:
        seed: random seed.
        customers: number of customers.
        per: number of rows of each; two rows are the same choice.
        limits: number of limits.
        tight: limits have room for half of this share of all rows on average.
        at_most: maximum number of rows per customer.
    """
    random, rows = np.random.default_rng(seed), customers * per
    uses = random.integers(1, 4, rows)
    order = np.argsort(random.random((rows, limits)), axis=1)
    limit = order[np.arange(limits)[None, :] < uses[:, None]]
    amount = np.where(limit == 0, random.random(len(limit)) * 2 + 0.05, 1.0)
    total = np.bincount(limit, amount, limits)
    return Problem(
        customer=np.repeat(np.arange(customers), per),
        choice=np.tile(np.arange(per) // 2, customers),
        value=random.exponential(1, rows) * random.random(rows),
        pointer=np.concatenate([[0], np.cumsum(uses)]),
        limit=limit,
        amount=amount,
        at_most=np.full(customers, at_most),
        capacity=np.floor(total * tight * random.random(limits) / 2 + 1),
        tie=random.integers(0, 2**40, rows),
    )


def optimum(problem: Problem, *, integer: bool) -> float:
    """The value of the best allocation by HiGHS, or of the best fractional one."""
    rows = len(problem)
    row_of_use = np.repeat(np.arange(rows), np.diff(problem.pointer))
    choice = problem.customer * (problem.choice.max() + 1) + problem.choice
    shares = (
        sparse.csr_matrix(
            (problem.amount, (problem.limit, row_of_use)), (len(problem.capacity), rows)
        ),
        sparse.csr_matrix((np.ones(rows), (problem.customer, np.arange(rows)))),
        sparse.csr_matrix((np.ones(rows), (choice, np.arange(rows)))),
    )
    matrix = sparse.vstack(shares).tocsc()
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = rows, matrix.shape[0]
    model.col_cost_ = -problem.value
    model.col_lower_, model.col_upper_ = np.zeros(rows), np.ones(rows)
    model.row_lower_ = np.full(matrix.shape[0], -highspy.kHighsInf)
    model.row_upper_ = np.concatenate(
        [problem.capacity, problem.at_most, np.ones(shares[2].shape[0])]
    )
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    if integer:
        model.integrality_ = [highspy.HighsVarType.kInteger] * rows
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.passModel(model)
    solver.run()
    return -float(solver.getInfo().objective_function_value)
