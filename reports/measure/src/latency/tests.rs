use super::*;

fn of(values: impl IntoIterator<Item = i64>) -> Distribution {
    let mut distribution = Distribution::default();
    values.into_iter().for_each(|value| distribution.record(value));
    distribution
}

#[test]
fn nothing_recorded_is_nothing_known() {
    let empty = Distribution::default();
    assert_eq!((empty.min_us(), empty.mean_us(), empty.stdev_us(), empty.quantile_us(0.5)), (None, None, None, None));
    assert_eq!(empty.encoded(), None);
}

#[test]
fn quantiles_by_nearest_rank() {
    let hundred = of(1..=100);
    for (quantile, value) in [(0.0, 1), (0.29, 29), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)] {
        assert_eq!(hundred.quantile_us(quantile), Some(value), "{quantile}");
    }
}

#[test]
fn mean_and_deviation_are_exact_and_quantiles_within_a_thousandth() {
    let values = of([1_000_001, 2_000_003, 3_000_008]);
    assert_eq!(values.mean_us(), Some(2_000_004.0));
    assert!((values.stdev_us().expect("three values") - 816_499.4).abs() < 1.0);
    let median = values.quantile_us(0.5).expect("three values");
    assert!((2_000_003..=2_002_003).contains(&median), "{median}");
    assert_eq!(values.quantile_us(1.0), Some(3_000_008), "never above the exact maximum");
}

#[test]
fn negative_values_are_kept_and_rank_first() {
    let values = of([-500, -20, 0, 10, 30]);
    assert_eq!(values.negatives(), 2);
    let quantiles = [0.2, 0.4, 0.6, 0.8, 1.0].map(|q| values.quantile_us(q).expect("five values"));
    assert_eq!(quantiles, [-500, -20, 0, 10, 30]);
}

#[test]
fn values_out_of_range_are_counted_and_rank_last() {
    let hour = MAX_US as i64;
    let values = of([1, 2, hour + 1, 5 * hour]);
    assert_eq!((values.count(), values.overflows()), (4, 2));
    assert_eq!(values.quantile_us(0.5), Some(2));
    assert_eq!(values.quantile_us(0.75), Some(5 * hour));
    assert_eq!(values.max_us(), Some(5 * hour));
}

#[test]
fn values_far_below_zero_are_negative_and_rank_first() {
    let hour = MAX_US as i64;
    let values = of([-2 * hour, -hour, -7, 5]);
    assert_eq!((values.negatives(), values.overflows()), (3, 1));
    let quantiles = [0.25, 0.75, 1.0].map(|q| values.quantile_us(q).expect("four values"));
    assert_eq!(quantiles, [-2 * hour, -7, 5]);
}

#[test]
fn clearing_leaves_nothing_behind() {
    let mut values = of([-3, 4]);
    values.clear();
    assert_eq!((values.count(), values.negatives(), values.max_us(), values.encoded()), (0, 0, None, None));
    values.record(7);
    assert_eq!(values.quantile_us(0.5), Some(7));
}
