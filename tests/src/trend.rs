//! Whether a figure grows: a line through points, with what is known of its slope.
//!
//! Lives here: medians, least squares with a confidence interval, Theil's and Sen's slope. Not here: which figures,
//! and how much is too much.

/// A line through points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// The median of the values.
    pub level: f64,
    /// By least squares: the change of the value for one more of the other.
    pub slope: f64,
    /// It is between these with a confidence of 95 %, if points scatter independently of each other.
    pub between: (f64, f64),
    /// The median of the slopes between all pairs of points (Theil, Sen): a few wild points don't move it.
    pub robust: f64,
}

impl Trend {
    /// Through at least three points of different places; `None` through fewer.
    ///
    /// - **Cost**: all pairs of points; meant for some hundreds.
    #[must_use]
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let n = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        if points.len() < 3 || spread == 0.0 {
            return None;
        }
        let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / spread;
        let residuals = points.iter().map(|p| p.1 - y - slope * (p.0 - x));
        let free = n - 2.0;
        let error = (residuals.map(|r| r * r).sum::<f64>() / free / spread).sqrt();
        let margin = student(free) * error;
        let mut pairs = Vec::new();
        for (i, a) in points.iter().enumerate() {
            let later = points[i + 1..].iter().filter(|b| b.0 != a.0);
            pairs.extend(later.map(|b| (b.1 - a.1) / (b.0 - a.0)));
        }
        Some(Self {
            level: median(points.iter().map(|p| p.1).collect())?,
            slope,
            between: (slope - margin, slope + margin),
            robust: median(pairs)?,
        })
    }
}

/// The middle of some values; of two in the middle, their mean. `None` of none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    match values.len() % 2 {
        1 => Some(upper),
        _ => Some(f64::midpoint(*values.get(half - 1)?, upper)),
    }
}

/// The 97.5 % quantile of Student's distribution with so many degrees of freedom: Cornish's and Fisher's expansion,
/// right to 1 % from 5 degrees on, too small by 16 % for 2 and by half for 1.
fn student(free: f64) -> f64 {
    const Z: f64 = 1.959_964;
    let first = (Z.powi(3) + Z) / 4.0;
    let second = (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / 96.0;
    Z + first / free + second / free.powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    #[test]
    fn a_line_is_found_exactly() {
        let line: Vec<_> = (0..50)
            .map(|x| (f64::from(x), 7.0 - 0.25 * f64::from(x)))
            .collect();
        let trend = Trend::of(&line).unwrap();
        assert!((trend.slope + 0.25).abs() < 1e-12 && (trend.robust + 0.25).abs() < 1e-12);
        assert!(trend.between.1 - trend.between.0 < 1e-9, "{trend:?}");
        assert!((trend.level - 0.875).abs() < 1e-12, "{trend:?}");
    }

    #[test]
    fn the_interval_is_that_of_the_textbook() {
        // Anscombe's first set: slope 0.5001, standard error 0.1179, t(9) = 2.262.
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [
            8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68,
        ];
        let points: Vec<_> = x.into_iter().zip(y).collect();
        let trend = Trend::of(&points).unwrap();
        assert!((trend.slope - 0.500_09).abs() < 1e-5, "{trend:?}");
        let (low, high) = trend.between;
        assert!(
            (low - 0.2333).abs() < 1e-3 && (high - 0.7668).abs() < 1e-3,
            "{trend:?}"
        );
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let mut rng = Rng::with_seed(7);
        let mut held = 0;
        for _ in 0..2_000 {
            // Twelve uniform numbers are nearly a normal one.
            let noise = |rng: &mut Rng| (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
            let points = (0..40).map(f64::from);
            let points: Vec<_> = points.map(|x| (x, 0.1 * x + noise(&mut rng))).collect();
            let (low, high) = Trend::of(&points).unwrap().between;
            held += u32::from((low..high).contains(&0.1));
        }
        assert!((1_860..=1_940).contains(&held), "{held} of 2000");
    }

    #[test]
    fn wild_points_move_one_slope_and_not_the_other() {
        let mut points: Vec<_> = (0..60).map(|x| (f64::from(x), 100.0)).collect();
        points[59].1 = 10_000.0;
        let trend = Trend::of(&points).unwrap();
        assert!(trend.slope > 10.0 && trend.robust == 0.0, "{trend:?}");
    }

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (free, table) in [(5.0, 2.571), (10.0, 2.228), (30.0, 2.042), (120.0, 1.980)] {
            assert!((student(free) / table - 1.0).abs() < 0.01, "{free}");
        }
    }

    #[test]
    fn too_little_is_no_line() {
        assert_eq!(Trend::of(&[]), None);
        assert_eq!(Trend::of(&[(0.0, 1.0), (1.0, 2.0)]), None);
        assert_eq!(Trend::of(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }
}
