"""What holds for any counts, checked against scipy and plain sums."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from transforms.statistics import (
    chapman,
    clustered_ratio,
    frechet,
    lang_reiczigel,
    manski,
    net_promoter_score,
    ratio_of_counts,
    ratio_of_sums,
    rogan_gladen,
    rule_of_three,
    wilson_interval,
)

counts = st.integers(0, 10**9)
shares = st.floats(0, 1)
parts = st.tuples(counts, counts).map(sorted)


def fractions_of(people):
    """R and V of (a, d) pairs, without a rounding error."""
    n = len(people)
    a, d = sum(p[0] for p in people), sum(p[1] for p in people)
    ratio = Fraction(a, d)
    spread = sum((p[0] - ratio * p[1]) ** 2 for p in people)
    return ratio, spread / (n * (n - 1) * Fraction(d, n) ** 2)


def sums_of(people):
    return (
        sum(a for a, _ in people),
        sum(d for _, d in people),
        sum(a * a for a, _ in people),
        sum(a * d for a, d in people),
        sum(d * d for _, d in people),
        len(people),
    )


def test_wilson_agrees_with_scipy_on_a_grid():
    n = np.array([1, 2, 5, 30, 61, 1000, 10**7])
    for share in (0.0, 0.001, 0.36, 0.5, 0.999, 1.0):
        x = np.round(share * n)
        found = wilson_interval(x, n)
        exact = [binomtest(int(a), int(b)).proportion_ci(method="wilson") for a, b in zip(x, n)]

        assert np.allclose(found.low, [e.low for e in exact], atol=1e-12)
        assert np.allclose(found.high, [e.high for e in exact], atol=1e-12)


@given(parts)
def test_wilson_contains_the_share_and_stays_within_zero_and_one(pair):
    x, n = pair
    found = wilson_interval(x, n)

    if n == 0:
        assert np.isnan(found).all()
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high


@given(st.integers(0, 1000), st.integers(1, 1000), st.integers(2, 1000))
def test_wilson_narrows_as_the_sample_grows(x, more, factor):
    n = x + more
    small, large = wilson_interval(x, n), wilson_interval(x * factor, n * factor)

    assert large.high - large.low < small.high - small.low


@pytest.mark.parametrize(("x", "n"), [(1, 0), (3, 2), (-1, 5), (np.nan, 5), (1, np.nan)])
def test_impossible_counts_have_no_interval(x, n):
    assert np.isnan(wilson_interval(x, n)).all()


@given(st.lists(parts, min_size=1, max_size=20))
@example([(101825030, 124999998)])
def test_columns_give_what_single_numbers_give(pairs):
    x, n = np.array(pairs, dtype=float).T
    columns = {
        wilson_interval: (x, n),
        ratio_of_counts: (x, n),
        net_promoter_score: (x // 3, x // 2, n),
        chapman: (n, n, x),
        clustered_ratio: (x, x * 3, n),
        lang_reiczigel: (x, n, n, n, n, n),
    }
    for function, arguments in columns.items():
        together = np.array(function(*arguments))
        single = np.array([function(*row) for row in zip(*arguments)]).T

        assert np.array_equal(together, single, equal_nan=True)


def test_a_scalar_broadcasts_over_a_column():
    assert np.allclose(frechet(0.5, [0.2, 0.8]).high, [0.2, 0.5])
    assert wilson_interval([0, 1], 2).low.shape == (2,)


@given(st.integers(1, 10**6))
def test_rule_of_three_is_never_below_the_exact_bound(n):
    assert rule_of_three(n) >= 1 - 0.05 ** (1 / n)


def test_rule_of_three_knows_nothing_of_an_audit_of_nobody():
    assert np.isnan(rule_of_three(0))
    assert rule_of_three(2) == 1


@given(st.lists(st.tuples(st.integers(0, 10**15), st.integers(1, 10**15)), min_size=2, max_size=30))
def test_whole_sums_of_any_size_give_the_exact_variance(people):
    ratio, variance = fractions_of(people)
    found = ratio_of_sums(*sums_of(people))

    assert np.isclose(found.value, float(ratio), rtol=1e-15)
    assert np.isclose(found.variance, float(variance), rtol=1e-14, atol=0)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=30))
def test_float_sums_that_are_exact_do_not_cancel(actions):
    _, variance = fractions_of([(a, 1) for a in actions])
    a, _, aa, *_ = (float(v) for v in sums_of([(a, 1) for a in actions]))
    found = ratio_of_sums(a, float(len(actions)), aa, a, float(len(actions)), len(actions))

    assert np.isclose(found.variance, float(variance), rtol=1e-13, atol=0)


def test_two_hundred_thousand_viewers_alike_but_one_keep_their_variance():
    # One of 200,000 watched 7,200,001 ms, all others 7,200,000: V = (1 − 1/n)/(n(n−1)) = 1/n².
    n, a = 200_000, 7_200_000
    sums = n * a + 1, (n - 1) * a**2 + (a + 1) ** 2
    decimals = np.array([Decimal(s) for s in sums])

    assert np.isclose(
        ratio_of_sums(sums[0], n, sums[1], sums[0], n, n).variance, 1 / n**2, rtol=1e-14
    )
    assert np.isclose(
        ratio_of_sums(decimals[0], n, decimals[1], decimals[0], n, n).variance,
        1 / n**2,
        rtol=1e-14,
    )


def test_one_person_has_a_ratio_and_no_interval():
    found = clustered_ratio([5, 0], [25, 0], [1, 0])

    assert np.array_equal(found.value, [5, np.nan], equal_nan=True)
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


def test_nobody_acting_is_not_certainty_that_nobody_will():
    found = clustered_ratio(0, 0, 22)

    assert (found.value, found.low) == (0, 0)
    assert np.isclose(found.high, 0.1487, atol=5e-5)


def test_everybody_acting_alike_is_not_certainty_that_everybody_will():
    found = clustered_ratio(35, 35, 35)

    # Wilson's bound of none in 35: 3.84 / 38.84.
    assert np.allclose(found, (1, 1 - 0.0989, 1 + 0.0989), atol=5e-5)


def test_one_action_more_never_lowers_what_the_rate_may_be():
    highs = [float(clustered_ratio(acted, acted, 30).high) for acted in range(6)]

    assert highs == sorted(highs)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=50), st.integers(2, 9))
def test_clustered_interval_contains_the_ratio_and_narrows(actions, times):
    a, _, aa, _, _, n = sums_of([(a, 1) for a in actions])
    small, large = clustered_ratio(a, aa, n), clustered_ratio(times * a, times * aa, times * n)

    assert 0 <= small.low <= small.value <= small.high
    assert large.high - large.low <= small.high - small.low


@given(st.tuples(counts, counts, counts))
def test_net_promoter_interval_contains_the_score_and_has_width(answers):
    plus, minus, rest = answers
    found = net_promoter_score(plus, minus, plus + minus + rest)

    if sum(answers) == 0:
        assert np.isnan(found).all()
    else:
        assert -100 <= found.low <= found.value <= found.high <= 100
        assert found.low < found.high


def test_thirty_promoters_of_thirty_are_not_certainty():
    # p₊ = 31/32, p₋ = 1/32: 93.75 ± 1.96 √((1 − 0.9375²)/32)
    assert np.allclose(net_promoter_score(30, 0, 30), (100, 81.69, 100), atol=0.01)


def test_twenty_nine_promoters_of_thirty_are_less_certain_than_thirty():
    # p₊ = 30/32, p₋ = 1/32: 90.62 ± 1.96 √((0.96875 − 0.90625²)/32)
    assert np.allclose(net_promoter_score(29, 0, 30), (96.67, 77.31, 100), atol=0.01)


@given(st.lists(st.booleans(), min_size=1), st.lists(st.booleans(), min_size=1))
def test_frechet_bounds_hold_whatever_the_joint(first, second):
    pairs = list(zip(first, second))
    p, q = (sum(column) / len(pairs) for column in zip(*pairs))
    both = sum(a and b for a, b in pairs) / len(pairs)
    low, high = frechet(p, q)

    assert low - 1e-12 <= both <= high + 1e-12


@given(shares, shares, shares)
def test_manski_bounds_hold_whatever_the_silent_think(rate, share, silent):
    low, high = manski(rate, share)

    assert low - 1e-12 <= rate * share + (1 - rate) * silent <= high + 1e-12


def test_shares_outside_zero_and_one_have_no_bounds():
    assert np.isnan(frechet(1.2, 0.5)).all()
    assert np.isnan(manski(0.5, np.nan)).all()


@given(counts, counts)
def test_ratio_of_counts_contains_the_ratio_and_turns_over_with_it(x, y):
    found, turned = ratio_of_counts(x, y), ratio_of_counts(y, x)

    if x + y == 0:
        assert np.isnan(found).all()
    else:
        assert 0 <= found.low <= found.value <= found.high
        with np.errstate(divide="ignore"):
            assert np.isclose(found.low, 1 / turned.high, rtol=1e-9)


@given(shares, st.floats(0.6, 1), st.floats(0.6, 1))
def test_rogan_gladen_undoes_what_the_classifier_does(truth, sensitivity, specificity):
    seen = truth * sensitivity + (1 - truth) * (1 - specificity)
    found = rogan_gladen(seen, sensitivity, specificity)

    assert np.isclose(found.value, truth, atol=1e-9)


def test_a_classifier_no_better_than_chance_identifies_nothing():
    assert np.isnan(rogan_gladen(0.5, 0.5, 0.5).value)
    assert not rogan_gladen(0.5, 0.5, 0.5).identifiable
    # 0.55 + 0.55 > 1, but on ten labels each that is chance.
    assert not lang_reiczigel(500, 1000, 6, 10, 5, 10).identifiable


def test_lang_reiczigel_covers_the_truth_nineteen_times_in_twenty():
    random = np.random.default_rng(7)
    truth, n, labels, runs = 0.3, 500, 200, 20_000
    found = lang_reiczigel(
        random.binomial(n, truth * 0.8 + (1 - truth) * 0.1, runs),
        n,
        random.binomial(labels, 0.8, runs),
        labels,
        random.binomial(labels, 0.9, runs),
        labels,
    )
    covered = np.mean((found.low <= truth) & (truth <= found.high))

    assert 0.94 < covered < 0.97


@given(parts, st.integers(0, 10**6))
def test_lang_reiczigel_of_a_faultless_classifier_nears_wilson(pair, more):
    x, n = pair[0] % 1000, pair[0] % 1000 + more % 1000 + 1
    labels = 10**9
    found = lang_reiczigel(x, n, labels, labels, labels, labels)

    assert np.isclose(found.value, x / n)
    assert found.low <= x / n + 1e-6
    assert found.high >= x / n - 1e-6


def test_routes_that_agree_on_everything_leave_no_error():
    assert np.allclose(chapman(40, 40, 40), (40, 0))


def test_more_in_common_than_one_route_saw_is_impossible():
    assert np.isnan(chapman(10, 5, 6)).all()
