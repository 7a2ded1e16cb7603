//! [`Column`]: what a table's texts are as numbers, integers, classes.

use super::{Missing, Table, listed, shown};
use crate::Result;
use std::collections::{BTreeSet, HashMap};
use tape::Tensor;

/// A column of a [`Table`].
#[derive(Clone, Copy, Debug)]
pub struct Column<'t> {
    table: &'t Table,
    at: usize,
}

impl<'t> Column<'t> {
    pub(super) fn new(table: &'t Table, at: usize) -> Column<'t> {
        Column { table, at }
    }

    /// Its name.
    pub fn name(&self) -> &'t str {
        &self.table.names()[self.at]
    }

    /// The fields without the spaces around them; None where one is missing.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = Option<&'t str>> + use<'t> {
        let Column { table, at } = *self;
        (0..table.len()).map(move |row| Some(table.field(row, at)).filter(|field| !table.is_missing(field)))
    }

    /// The numbers `[N]`.
    ///
    /// # Errors
    /// If a field is no number, or is missing and may not be.
    pub fn to_f64(&self) -> Result<Tensor<f64>> {
        let mut numbers = Vec::with_capacity(self.table.len());
        for (row, text) in self.texts().enumerate() {
            numbers.push(match text {
                Some(text) => Some(text.parse::<f64>().map_err(|_| self.no_number(row, text))?),
                None if self.table.missing == Missing::Refuse => return Err(self.is_missing(row)),
                None => None,
            });
        }
        let filled = self.filled(&numbers)?;
        Ok(Tensor::fill_with([numbers.len()], |to| {
            to.iter_mut().zip(&numbers).for_each(|(to, number)| *to = number.unwrap_or(filled));
        }))
    }

    /// The numbers `[N]`, each rounded to the nearest f32.
    ///
    /// # Errors
    /// As [`Column::to_f64`]; if a number is finite, and too large for f32.
    pub fn to_f32(&self) -> Result<Tensor> {
        let numbers = self.to_f64()?;
        let numbers = numbers.as_slice().expect("it was made in order");
        if let Some(row) = numbers.iter().position(|x| x.is_finite() && (*x as f32).is_infinite()) {
            let problem = format!("{} is too large for f32; `to_f64` keeps it", numbers[row]);
            return Err(self.table.wrong(row, self.at, problem));
        }
        Ok(Tensor::fill_with([numbers.len()], |to| to.iter_mut().zip(numbers).for_each(|(to, &x)| *to = x as f32)))
    }

    /// The integers `[N]`. A missing one is filled in only where [`Missing::Fill`] names an integer.
    ///
    /// # Errors
    /// If a field is no integer of i64, or is missing.
    pub fn to_i64(&self) -> Result<Tensor<i64>> {
        let fill = match self.table.missing {
            Missing::Fill(x) if x.fract() == 0.0 && x.abs() < 2f64.powi(53) => Some(x as i64),
            _ => None,
        };
        let integer = |(row, text): (usize, Option<&str>)| match text {
            Some(text) => text.parse().map_err(|_| self.no_integer(row, text)),
            None => fill.ok_or_else(|| self.is_missing(row)),
        };
        self.texts().enumerate().map(integer).collect::<Result<Vec<i64>>>().map(Tensor::from)
    }

    /// The different texts in the order of the alphabet: names of classes.
    ///
    /// # Errors
    /// If one is missing.
    pub fn classes(&self) -> Result<Vec<String>> {
        let mut classes = BTreeSet::new();
        for (row, text) in self.texts().enumerate() {
            classes.insert(text.ok_or_else(|| self.is_missing(row))?);
        }
        Ok(classes.into_iter().map(str::to_owned).collect())
    }

    /// Which of the classes each field is: `[N]`, in 0..classes.
    ///
    /// # Errors
    /// If a field is missing or none of them.
    pub fn labels<N: AsRef<str>>(&self, classes: &[N]) -> Result<Tensor<i64>> {
        let places: HashMap<&str, i64> = classes.iter().map(N::as_ref).zip(0..).collect();
        let label = |(row, text): (usize, Option<&str>)| {
            let text = text.ok_or_else(|| self.is_missing(row))?;
            places.get(text).copied().ok_or_else(|| {
                let names: Vec<String> = classes.iter().map(|name| name.as_ref().to_owned()).collect();
                let problem = format!("`{}` is none of the classes {}", shown(text), listed(&names));
                self.table.wrong(row, self.at, problem)
            })
        };
        self.texts().enumerate().map(label).collect::<Result<Vec<i64>>>().map(Tensor::from)
    }

    /// The integers as labels.
    pub(super) fn to_labels(self) -> Result<Tensor<i64>> {
        let labels = self.to_i64()?;
        match labels.as_slice().expect("it was made in order").iter().position(|&label| label < 0) {
            Some(row) => {
                let found = self.table.field(row, self.at);
                let problem =
                    format!("{found} is no class: labels begin at 0; `dataset_with_classes` gives them places");
                Err(self.table.wrong(row, self.at, problem))
            }
            None => Ok(labels),
        }
    }

    /// What stands for missing fields.
    fn filled(&self, numbers: &[Option<f64>]) -> Result<f64> {
        let found = || numbers.iter().flatten();
        match self.table.missing {
            Missing::Fill(x) => Ok(x),
            Missing::Mean if numbers.iter().all(Option::is_some) => Ok(0.0),
            Missing::Mean if found().next().is_none() => Err(self.table.wrong(
                0,
                self.at,
                "every field is missing, so that there is no mean; leave the column out",
            )),
            // Divided first: the mean of finite numbers is finite.
            Missing::Mean => {
                let count = found().count() as f64;
                Ok(found().map(|x| x / count).sum())
            }
            Missing::Refuse | Missing::DropRow | Missing::Nan => Ok(f64::NAN),
        }
    }

    fn is_missing(&self, row: usize) -> crate::Error {
        let found = self.table.field(row, self.at);
        let found =
            if found.is_empty() { "the field is empty".into() } else { format!("`{found}` stands for nothing") };
        self.table.wrong(
            row,
            self.at,
            format!("{found}; `csv::Reader::missing` says what becomes of it, and `DropRow` always can"),
        )
    }

    fn no_number(&self, row: usize, text: &str) -> crate::Error {
        let problem = format!(
            "`{}` is no number; leave the column out with `columns`, read it with `classes`, or name the text in `missing_texts`",
            shown(text)
        );
        self.table.wrong(row, self.at, problem)
    }

    fn no_integer(&self, row: usize, text: &str) -> crate::Error {
        let problem =
            format!("`{}` is no integer; `to_f64` reads numbers, `classes` and `labels` read texts", shown(text));
        self.table.wrong(row, self.at, problem)
    }
}
