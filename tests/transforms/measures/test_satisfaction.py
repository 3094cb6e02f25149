"""Satisfaction as declared: CSAT, NPS, CES."""

import pytest

from tests.transforms.measures.figures import figure, measure_of


def test_csat_is_the_share_of_the_top_two_boxes():
    # « Oui à 67 % », of a thousand answers.
    found = figure("csat", count=1000, positive=670, negative=200, authors=1000)

    assert found["value"] == 0.67
    assert (found["low"], found["high"]) == pytest.approx((0.640, 0.698), abs=1e-3)
    assert (found["numerator"], found["denominator"], found["n"]) == (670, 1000, 1000)


def test_nps_is_promoters_less_detractors_in_points():
    # 50 promoters, 30 passives, 20 detractors: 30 points, V = (0.7 − 0.09)/100, ± 15.3.
    found = figure("nps", count=100, positive=50, negative=20)

    assert found["value"] == pytest.approx(30)
    assert (found["low"], found["high"]) == pytest.approx((14.7, 45.3), abs=0.05)
    assert (found["numerator"], found["denominator"]) == (30, 100)


def test_nps_goes_from_minus_to_plus_a_hundred():
    assert figure("nps", count=50, positive=50)["value"] == 100
    assert figure("nps", count=50, negative=50)["value"] == -100
    assert figure("nps", count=50, positive=50)["low"] < 100


def test_ces_is_the_share_who_found_it_easy():
    assert figure("ces", count=40, positive=30, negative=5)["value"] == 0.75


@pytest.mark.parametrize("name", ["csat", "nps", "ces"])
def test_without_answers_there_is_no_row(name):
    assert not figure(name)["published"]


def test_each_reads_the_answers_of_its_own_scale():
    assert [measure_of(n).items for n in ("csat", "nps", "ces")] == [
        ("rate:csat",),
        ("rate:nps",),
        ("rate:ces",),
    ]


@pytest.mark.parametrize("name", ["csat", "nps", "ces"])
def test_thirty_answers_of_one_person_are_not_published(name):
    found = figure(name, count=30, positive=20, negative=5, authors=1)

    assert found["n"] < measure_of(name).threshold


def test_answers_of_unknown_people_count_as_one_person_each():
    assert figure("csat", count=40, positive=20, anonymous=40)["n"] == 40


@pytest.mark.parametrize("name", ["csat", "nps", "ces"])
def test_one_known_respondent_does_not_hide_ninety_nine_unknown_ones(name):
    found = figure(name, count=100, positive=60, negative=20, authors=1, anonymous=99)

    assert found["n"] == 100


@pytest.mark.parametrize("name", ["csat", "nps", "ces"])
def test_a_known_respondent_counts_once_beside_the_unknown_however_often_he_answers(name):
    found = figure(name, count=100, positive=60, negative=20, authors=2, anonymous=27)

    assert found["n"] == 29 < measure_of(name).threshold
