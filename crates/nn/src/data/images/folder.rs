//! [`ImageFolder`]: a folder for each class.

use super::{Channels, bytes, decode};
use crate::data::{Dataset, Source, input};
use crate::error::setting;
use crate::{Error, Result};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use tape::Tensor;

/// Pictures in folders, one for each class, as torchvision's `ImageFolder`: classes count in the order of their names, files within them too.
///
/// As a [`Source`], pictures are decoded batch by batch, by the workers of a [`super::super::Loader`]; [`ImageFolder::dataset`] decodes all at once.
///
/// All must have the first one's size, unless [`ImageFolder::resized`] says that they are made to have one.
#[derive(Clone, Debug)]
pub struct ImageFolder {
    classes: Vec<String>,
    files: Vec<(PathBuf, i64)>,
    channels: Channels,
    /// Height and width.
    size: [usize; 2],
    resizes: bool,
}

impl ImageFolder {
    /// Of every folder in a directory. Hidden files, and such that are called neither `.png` nor `.jpg` or `.jpeg`, are passed over.
    ///
    /// # Errors
    /// If the directory cannot be read, has no folders in it, or has one without pictures or with another folder in it; if the first picture
    /// cannot be read.
    pub fn open(directory: impl AsRef<Path>) -> Result<ImageFolder> {
        let directory = directory.as_ref();
        let mut classes = Vec::new();
        for path in entries(directory)? {
            if path.is_dir() {
                classes.push(name(&path)?);
            }
        }
        if classes.is_empty() {
            return damaged(directory, "there is no folder in it; give each class one, with its pictures");
        }
        ImageFolder::with_classes(directory, &classes)
    }

    /// Of these classes, with labels in this order: for a second directory, with the classes of the first. Folders of other names are passed over.
    ///
    /// # Errors
    /// As [`ImageFolder::open`]; if a class has no folder.
    pub fn with_classes<N: AsRef<str>>(directory: impl AsRef<Path>, classes: &[N]) -> Result<ImageFolder> {
        let directory = directory.as_ref();
        let mut files = Vec::new();
        for (class, label) in classes.iter().zip(0..) {
            let folder = directory.join(class.as_ref());
            let before = files.len();
            for path in entries(&folder)? {
                if path.is_dir() {
                    return damaged(&path, "a folder within a class; put its pictures into the folder of the class");
                }
                if is_picture(&path) {
                    files.push((path, label));
                }
            }
            if files.len() == before {
                return damaged(
                    &folder,
                    "there is no picture in it (.png, .jpg, .jpeg); remove the folder, or fill it",
                );
            }
        }
        let Some((first, _)) = files.first() else { return setting("ImageFolder", "no class was given") };
        let size = input::named(Some(first), decode::size(&bytes(first)?))?;
        let classes = classes.iter().map(|name| name.as_ref().to_owned()).collect();
        Ok(ImageFolder { classes, files, channels: Channels::default(), size, resizes: false })
    }

    /// What of their colour is kept: red, green and blue unless said otherwise.
    #[must_use]
    pub fn channels(mut self, channels: Channels) -> Self {
        self.channels = channels;
        self
    }

    /// Every picture is stretched or shrunk to `[H, W]`; what comes together when it shrinks is averaged (a triangle filter, as PIL's `BILINEAR`).
    ///
    /// # Panics
    /// If a side is 0 or does not fit 16 bits.
    #[must_use]
    #[track_caller]
    pub fn resized(mut self, size: [usize; 2]) -> Self {
        let fits = |side: usize| (1..=usize::from(u16::MAX)).contains(&side);
        assert!(size.into_iter().all(fits), "ImageFolder::resized: {size:?}; each side is from 1 to {}", u16::MAX);
        (self.size, self.resizes) = (size, true);
        self
    }

    /// The names of the classes; the label is the place.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The number of pictures.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none, which cannot be.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The shape `[H, W, C]` of each.
    pub fn image_shape(&self) -> [usize; 3] {
        [self.size[0], self.size[1], self.channels.count()]
    }

    /// The files and their labels, in order.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&Path, i64)> {
        self.files.iter().map(|(path, label)| (path.as_path(), *label))
    }

    /// All pictures at once: `[N, H, W, C]`.
    ///
    /// # Errors
    /// If one cannot be read, is damaged, or has another size: its name.
    pub fn dataset(&self) -> Result<Dataset> {
        let (images, labels) = self.fetch(&(0..self.len()).collect::<Vec<_>>(), 0)?;
        Dataset::with_classes(images, labels, self.classes.len())
    }

    /// One picture's numbers.
    fn picture(&self, path: &Path) -> Result<decode::Picture> {
        let check = |size: [usize; 2]| match self.resizes || size == self.size {
            true => Ok(()),
            false => {
                let first = self.files[0].0.display();
                let ([h, w], [height, width]) = (size, self.size);
                Err(format!("{h}x{w} (height x width), and {first} is {height}x{width}; `resized` makes them agree"))
            }
        };
        let picture = input::named(Some(path), decode::decode(&bytes(path)?, self.channels, check))?;
        Ok(if self.resizes { picture.resized(self.size) } else { picture })
    }
}

/// Images `[N, H, W, C]` in [0, 1] and labels `[N]`.
impl Source for ImageFolder {
    type Batch = (Tensor, Tensor<i64>);

    fn len(&self) -> usize {
        self.len()
    }

    fn fetch(&self, examples: &[usize], _seed: u64) -> Result<Self::Batch> {
        if let Some(example) = examples.iter().find(|&&example| example >= self.len()) {
            return setting("ImageFolder", format!("there is no picture {example}; there are {}", self.len()));
        }
        let [height, width, channels] = self.image_shape();
        let mut problem = None;
        let images = Tensor::fill_with([examples.len(), height, width, channels], |to| {
            for (to, &example) in to.chunks_exact_mut(height * width * channels).zip(examples) {
                match self.picture(&self.files[example].0) {
                    Ok(picture) => to.copy_from_slice(picture.numbers()),
                    Err(error) => return problem = Some(error),
                }
            }
        });
        let labels: Vec<i64> = examples.iter().map(|&example| self.files[example].1).collect();
        problem.map_or(Ok((images, Tensor::from(labels))), Err)
    }
}

/// What is in a directory and not hidden, by name.
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let refused = |source| Error::Io { path: directory.into(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        if path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")) {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn name(path: &Path) -> Result<String> {
    match path.file_name().and_then(OsStr::to_str) {
        Some(name) => Ok(name.to_owned()),
        None => damaged(path, "the folder's name is no text in UTF-8; rename it"),
    }
}

fn is_picture(path: &Path) -> bool {
    let is_one = |ending: &str| ["png", "jpg", "jpeg"].iter().any(|known| ending.eq_ignore_ascii_case(known));
    path.extension().and_then(OsStr::to_str).is_some_and(is_one)
}

fn damaged<T>(path: &Path, problem: &str) -> Result<T> {
    Err(Error::Damaged { path: path.into(), problem: problem.into() })
}
