//! A number over the steps of a run, in bounded memory.

/// Most points that are kept.
const MOST: usize = 256;

/// What a number was over some steps in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The first of the steps.
    pub step: u64,
    /// The last of them.
    pub last: u64,
    /// How many values there were.
    pub count: u64,
    /// The least; NaN only if all were.
    pub low: f64,
    /// The mean.
    pub mean: f64,
    /// The greatest.
    pub high: f64,
}

/// A number over the steps of a run. At most 256 points: when they are full, neighbours are merged, so that no peak is lost, and each point stands for twice as many
/// values from then on.
#[derive(Clone, Debug)]
pub struct Trajectory {
    points: Vec<Point>,
    /// Values that a full point stands for.
    width: u64,
}

impl Default for Trajectory {
    fn default() -> Trajectory {
        Trajectory { points: Vec::new(), width: 1 }
    }
}

impl Trajectory {
    /// The points, in the order of steps.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The last point.
    pub fn last(&self) -> Option<&Point> {
        self.points.last()
    }

    /// One more value, or the least, the mean and the greatest of several at one step.
    pub(crate) fn push(&mut self, step: u64, [low, mean, high]: [f64; 3]) {
        let point = Point { step, last: step, count: 1, low, mean, high };
        match self.points.last_mut().filter(|last| last.count < self.width) {
            Some(last) => *last = last.with(&point),
            None => {
                if self.points.len() == MOST {
                    self.points = self.points.chunks(2).map(|pair| pair[0].with(&pair[1])).collect();
                    self.width *= 2;
                }
                self.points.push(point);
            }
        }
    }
}

impl Point {
    fn with(&self, other: &Point) -> Point {
        let count = self.count + other.count;
        let sum = self.mean * self.count as f64 + other.mean * other.count as f64;
        let (low, high) = (self.low.min(other.low), self.high.max(other.high));
        Point { step: self.step, last: other.last, count, low, mean: sum / count as f64, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_no_peak_is_lost() {
        let mut trajectory = Trajectory::default();
        let value = |step: u64| if step == 4321 { 99.0 } else { (step % 7) as f64 };
        for step in 0..10_000 {
            trajectory.push(step, [value(step); 3]);
            assert!(trajectory.points().len() <= MOST);
        }
        let points = trajectory.points();
        assert!(points.len() > MOST / 4);
        assert_eq!(points.iter().map(|point| point.count).sum::<u64>(), 10_000);
        let (_, full) = points.split_last().unwrap();
        assert!(full.iter().all(|point| point.count == full[0].count), "all are as coarse");
        let peak = points.iter().find(|point| point.high == 99.0).unwrap();
        assert!((peak.step..peak.step + peak.count).contains(&4321) && peak.low == 0.0);
        let naive = (0..10_000).map(value).sum::<f64>() / 10_000.0;
        let mean = points.iter().map(|point| point.mean * point.count as f64).sum::<f64>() / 10_000.0;
        assert!((mean - naive).abs() < 1e-9);
        assert!(points.windows(2).all(|pair| pair[0].step + pair[0].count == pair[1].step));
        assert!(points.iter().all(|point| point.step + point.count == point.last + 1));
    }
}
