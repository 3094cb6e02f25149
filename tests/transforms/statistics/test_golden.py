"""The worked examples of the specification, digit for digit."""

import numpy as np
import pytest

from transforms.statistics import (
    chapman,
    clustered_ratio,
    frechet,
    lang_reiczigel,
    manski,
    net_promoter_score,
    ratio_of_counts,
    rogan_gladen,
    rule_of_three,
    top_box_share,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 22, 0.0, 0.1487), (22, 61, 0.2517, 0.4861), (67, 100, 0.5731, 0.7544)],
)
def test_wilson_interval(successes, trials, low, high):
    interval = wilson_interval(successes, trials)

    assert (round(float(interval.low), 4), round(float(interval.high), 4)) == (low, high)


def test_zero_fakes_among_five_hundred_are_at_most_six_in_a_thousand():
    assert rule_of_three(500) == 0.006


def test_sixty_seven_percent_satisfied_and_forty_eight_bored_overlap_by_fifteen_to_forty_eight():
    joint = frechet(0.67, 0.48)

    assert np.allclose(joint, (0.15, 0.48))
    assert np.allclose(np.divide(joint, 0.67), (0.224, 0.716), atol=5e-4)


def test_one_percent_answering_at_sixty_seven_percent_says_next_to_nothing():
    assert np.allclose(manski(0.01, 0.67), (0.0067, 0.9967))


def test_a_classifier_right_three_times_in_four_saw_sixty_seven_percent_of_eighty_four():
    corrected = rogan_gladen(0.67, 0.75, 0.75)

    assert np.isclose(corrected.value, 0.84)
    assert corrected.identifiable


def test_ten_percent_seen_by_that_classifier_is_not_identifiable():
    corrected = rogan_gladen(0.10, 0.75, 0.75)

    assert np.isclose(corrected.value, -0.30)
    assert not corrected.identifiable


def test_lang_reiczigel_of_a_thousand_messages_and_two_samples_of_two_hundred():
    corrected = lang_reiczigel(670, 1000, 150, 200, 150, 200)

    assert np.isclose(corrected.value, 0.84)
    assert (round(float(corrected.low), 3), round(float(corrected.high), 3)) == (0.728, 0.966)
    assert corrected.identifiable


def test_two_routes_that_saw_1000_and_900_events_and_850_in_common():
    estimate = chapman(1000, 900, 850)

    assert round(float(estimate.value), 1) == 1058.8
    assert round(float(estimate.standard_error), 1) == 3.3


def test_twenty_two_comments_for_thirty_nine_likes():
    ratio = ratio_of_counts(22, 39)

    assert np.allclose(ratio, (0.5641, 0.3364, 0.9458), atol=5e-5)


def test_forty_actions_of_one_viewer_among_four_make_ten_each_with_a_wide_interval():
    # a = 40, 0, 0, 0: R = 10, V = (900 + 3·100) / (4·3) = 100
    assert np.allclose(clustered_ratio(40, 1600, 4), (10, 0, 10 + 1.959964 * 10))


def test_sixty_promoters_and_ten_detractors_of_a_hundred_score_fifty():
    # Var = (0.6 + 0.1 − 0.5²) / 100 = 0.0045
    assert np.allclose(net_promoter_score(60, 10, 100), (50, 50 - 13.1479, 50 + 13.1479), atol=1e-3)


def test_top_box_share_is_a_wilson_interval():
    assert np.allclose(top_box_share(67, 100), (0.67, 0.5731, 0.7544), atol=5e-5)
