//! Whether the engines compute the same: sums over each output, compared on the scale of its absolute values.

use crate::Outcome;
use std::collections::BTreeMap;

/// Largest difference of two sums, relative to the sum of absolute values of their tensor.
const TOLERANCE: f64 = 1e-5;

/// `tensor.sum`, `tensor.abs` and `tensor.dot` of every output of a row.
pub type Checksums = BTreeMap<String, f64>;

/// Reads `key=value key=value …`.
pub fn parse(text: &str) -> Outcome<Checksums> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        Some((key.to_owned(), value.parse().ok()?))
    };
    let pairs = text.split_whitespace().map(|word| pair(word).ok_or_else(|| format!("not a checksum: {word}")));
    pairs.collect()
}

/// What differs between the first engine and each other one, in words; empty if nothing does.
pub fn compare(checks: &[(&str, Outcome<Checksums>)]) -> Vec<String> {
    let failed = checks.iter().filter_map(|(name, sums)| Some(format!("{name}: {}", sums.as_ref().err()?)));
    let mut differences: Vec<String> = failed.collect();
    let mut sound = checks.iter().filter_map(|(name, sums)| Some((*name, sums.as_ref().ok()?)));
    if let Some((reference, ours)) = sound.next() {
        for (name, theirs) in sound {
            differences.extend(between(reference, ours, name, theirs));
        }
    }
    differences
}

fn between(reference: &str, ours: &Checksums, name: &str, theirs: &Checksums) -> Vec<String> {
    let mut differences = Vec::new();
    for (key, our) in ours {
        let Some(their) = theirs.get(key) else {
            differences.push(format!("{name} lacks {key} of {reference}"));
            continue;
        };
        let tensor = key.rsplit_once('.').map_or(key.as_str(), |(tensor, _)| tensor);
        let scale = ours.get(&format!("{tensor}.abs")).copied().unwrap_or(our.abs());
        // Two NaN differ: no row has any.
        if (our - their).abs() <= TOLERANCE * scale {
            continue;
        }
        differences.push(format!("{key} is {our} by {reference}, {their} by {name}"));
    }
    let lacking = theirs.keys().filter(|key| !ours.contains_key(*key));
    differences.extend(lacking.map(|key| format!("{reference} lacks {key} of {name}")));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(ours: &str, theirs: &str) -> Vec<String> {
        compare(&[("ours", parse(ours)), ("torch", parse(theirs))])
    }

    #[test]
    fn rounding_passes_and_more_does_not() {
        assert_eq!(compared("y.sum=1e-3 y.abs=100", "y.sum=1.5e-3 y.abs=100.0001"), [""; 0]);
        assert_eq!(compared("y.sum=1 y.abs=100", "y.sum=1.01 y.abs=100"), ["y.sum is 1 by ours, 1.01 by torch"]);
        assert_eq!(compared("y.abs=NaN", "y.abs=NaN").len(), 1);
        assert_eq!(compared("y.abs=inf", "y.abs=inf").len(), 1);
    }

    #[test]
    fn missing_sums_and_failed_engines_are_named() {
        assert_eq!(compared("y.abs=1", "dx.abs=1"), ["torch lacks y.abs of ours", "ours lacks dx.abs of torch"]);
        assert_eq!(compared("y.abs", "y.abs=1"), ["ours: not a checksum: y.abs"]);
    }
}
