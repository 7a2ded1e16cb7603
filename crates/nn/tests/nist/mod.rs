//! NIST's nonlinear regression problems: the files of tests/data/nist, and their models.

use nn::prelude::*;
use std::f64::consts::PI;
use tape::{Kept, Op};

/// What a file says.
pub struct Problem {
    /// Two starts.
    pub starts: [Vec<f64>; 2],
    pub certified: Vec<f64>,
    /// The certified parameters' standard deviations.
    pub deviations: Vec<f64>,
    pub sum_of_squares: f64,
    /// The response; the logarithm of it where the model is one of that.
    pub y: Vec<f64>,
    /// The predictors.
    pub x: Vec<Vec<f64>>,
}

pub fn read(name: &str) -> Problem {
    let path = format!("{}/tests/data/nist/{name}.dat", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let number = |word: &str| word.parse::<f64>().unwrap_or_else(|_| panic!("{path}: `{word}` is no number"));
    // Lines like "b1 = 500 250 2.3894212918E+02 2.7070075241E+00".
    let parameters: Vec<Vec<f64>> = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix('b')?.split_once('='))
        .filter(|(index, _)| index.trim().parse::<usize>().is_ok())
        .map(|(_, numbers)| numbers.split_whitespace().map(number).collect())
        .collect();
    let column = |i: usize| parameters.iter().map(|line| line[i]).collect::<Vec<f64>>();
    let sum = text.lines().find_map(|line| line.strip_prefix("Residual Sum of Squares:")).expect("a sum of squares");
    // The last header that begins with "Data:" stands above the numbers.
    let (_, table) = text.rsplit_once("\nData:").expect("data");
    let rows: Vec<Vec<f64>> = table
        .lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.split_whitespace().map(number).collect())
        .collect();
    let of_rows = |i: usize| rows.iter().map(|row| row[i]).collect::<Vec<f64>>();
    let mut y = of_rows(0);
    if name == "Nelson" {
        y.iter_mut().for_each(|y| *y = y.ln());
    }
    let x = (1..rows[0].len()).map(of_rows).collect();
    Problem {
        starts: [column(0), column(1)],
        certified: column(2),
        deviations: column(3),
        sum_of_squares: number(sum.trim()),
        y,
        x,
    }
}

/// The model's formula, of parameters `[1]` each and predictors `[n]` each.
pub fn model(name: &str, parameters: &[Var<f64>], x: &[Var<f64>]) -> Var<f64> {
    let b = |i: usize| parameters[i - 1].clone();
    let x1 = || x[0].clone();
    // b·exp(−c·x), b·exp(−(x − c)²/d²), polynomials with given coefficients.
    let decay = |i: usize, j: usize| b(i) * (-b(j) * x1()).exp();
    let bell = |i: usize| b(i) * (-(x1() - b(i + 1)).square() / b(i + 2).square()).exp();
    let cubic = |a: Var<f64>, i: usize| a + b(i) * x1() + b(i + 1) * x1().square() + b(i + 2) * x1().powi(3);
    let one = || x[0].tape().input(Tensor::f64([1.0]));
    let wave = |cos: usize, sin: usize, period: Var<f64>| {
        let angle = x1() * (2.0 * PI) / period;
        b(cos) * angle.clone().cos() + b(sin) * angle.sin()
    };
    match name {
        "Misra1a" | "BoxBOD" => b(1) * (1 - (-b(2) * x1()).exp()),
        "Misra1b" => b(1) * (1 - (b(2) * x1() / 2 + 1).powi(-2)),
        "Misra1c" => b(1) * (1 - (b(2) * x1() * 2 + 1).pow(-0.5)),
        "Misra1d" => b(1) * b(2) * x1() / (b(2) * x1() + 1),
        "Chwirut1" | "Chwirut2" => (-b(1) * x1()).exp() / (b(2) + b(3) * x1()),
        "DanWood" => b(1) * x1().pow(b(2)),
        "Lanczos1" | "Lanczos2" | "Lanczos3" => decay(1, 2) + decay(3, 4) + decay(5, 6),
        "Gauss1" | "Gauss2" | "Gauss3" => decay(1, 2) + bell(3) + bell(6),
        "ENSO" => b(1) + wave(2, 3, one() * 12) + wave(5, 6, b(4)) + wave(8, 9, b(7)),
        "Hahn1" | "Thurber" => cubic(b(1), 2) / cubic(one(), 5),
        "Kirby2" => (b(1) + b(2) * x1() + b(3) * x1().square()) / (b(4) * x1() + b(5) * x1().square() + 1),
        "MGH17" => b(1) + decay(2, 4) + decay(3, 5),
        "Nelson" => b(1) - b(2) * x1() * (-b(3) * x[1].clone()).exp(),
        "Roszman1" => b(1) - b(2) * x1() - Arctan.apply([b(3) / (x1() - b(4))]) / PI,
        "Bennett5" => b(1) * (b(2) + x1()).pow(-1 / b(3)),
        "Eckerle4" => b(1) / b(2) * (((x1() - b(3)) / b(2)).square() * -0.5).exp(),
        "MGH09" => b(1) * (x1().square() + x1() * b(2)) / (x1().square() + x1() * b(3) + b(4)),
        "MGH10" => b(1) * (b(2) / (x1() + b(3))).exp(),
        "Rat42" => b(1) / ((b(2) - b(3) * x1()).exp() + 1),
        "Rat43" => b(1) / ((b(2) - b(3) * x1()).exp() + 1).pow(1 / b(4)),
        _ => panic!("there is no model {name}"),
    }
}

/// The arc tangent, an op of our own.
struct Arctan;

impl<T: Float> Op<T> for Arctan {
    fn name(&self) -> &'static str {
        "arctan"
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        x.map(|x| T::from_f64(x.to_f64().atan()))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(dy / (kept.x(0).square() + 1))]
    }
}
