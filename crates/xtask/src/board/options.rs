//! The arguments of `cargo xtask board`.

use crate::Outcome;

pub struct Options {
    /// Names of rows, or how they begin; none means all.
    pub rows: Vec<String>,
    pub rounds: usize,
    /// Leave our own board out.
    pub peers_only: bool,
    /// Print what each engine says about its number.
    pub what: bool,
}

impl Options {
    pub fn parse(arguments: &[&str]) -> Outcome<Self> {
        let mut options = Self { rows: Vec::new(), rounds: 3, peers_only: false, what: false };
        let mut arguments = arguments.iter();
        while let Some(&argument) = arguments.next() {
            match argument {
                "--rounds" => options.rounds = count(arguments.next())?,
                "--peers-only" => options.peers_only = true,
                "--what" => options.what = true,
                flag if flag.starts_with('-') => return Err(format!("board: no option {flag}")),
                row => options.rows.push(row.to_owned()),
            }
        }
        Ok(options)
    }
}

fn count(argument: Option<&&str>) -> Outcome<usize> {
    let count = argument.and_then(|text| text.parse().ok()).filter(|&rounds| rounds > 0);
    count.ok_or_else(|| "board: --rounds takes a number of at least 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_options_mix() {
        let options = Options::parse(&["leaky", "--rounds", "5", "mlp_64", "--what"]).expect("sound");
        assert_eq!(
            (options.rows, options.rounds, options.peers_only, options.what),
            (vec!["leaky".into(), "mlp_64".into()], 5, false, true)
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for arguments in [&["--rounds"][..], &["--rounds", "0"], &["--rounds", "x"], &["--fast"]] {
            assert!(Options::parse(arguments).is_err(), "{arguments:?}");
        }
    }
}
