use super::*;
use crate::data::{Loader, Source as _};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb, Rgba};
use std::fs;
use std::io::Cursor;

fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture = ImageBuffer::from_fn(width, height, |x, y| Rgb([(x * 3) as u8, (y * 5) as u8, 90]));
    JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(&picture).unwrap();
    bytes
}

/// Red, green and blue of a place.
fn pixel(x: u32, y: u32) -> [u8; 3] {
    [(40 * x + 7) as u8, (90 * y + 1) as u8, (11 * x + 13 * y) as u8]
}

fn coloured(width: u32, height: u32) -> ImageBuffer<Rgb<u8>, Vec<u8>> {
    ImageBuffer::from_fn(width, height, |x, y| Rgb(pixel(x, y)))
}

fn text<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn pixels_come_to_their_places() {
    let picture = from_bytes(&png(coloured(4, 2)), Channels::Rgb).unwrap();
    assert_eq!(picture.shape()[..], [2, 4, 3]);
    let grey = from_bytes(&png(coloured(4, 2)), Channels::Luma).unwrap();
    assert_eq!(grey.shape()[..], [2, 4, 1]);
    for (y, x) in (0..2).flat_map(|y| (0..4).map(move |x| (y, x))) {
        let exact = pixel(x as u32, y as u32).map(|byte| f32::from(byte) / 255.0);
        assert_eq!(std::array::from_fn(|channel| picture.at([y, x, channel])), exact, "{y} {x}");
        let [r, g, b] = exact.map(f64::from);
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        assert!((f64::from(grey.at([y, x, 0])) - luma).abs() < 1e-6, "{y} {x}");
    }
}

#[test]
fn grey_wide_and_transparent_pictures() {
    let wide: ImageBuffer<Luma<u16>, Vec<u16>> =
        ImageBuffer::from_fn(2, 1, |x, _| Luma([if x == 0 { 65535 } else { 1 }]));
    let wide = png(wide);
    assert_eq!(from_bytes(&wide, Channels::Luma).unwrap().to_vec(), [1.0, 1.0 / 65535.0]);
    assert_eq!(from_bytes(&wide, Channels::Rgb).unwrap().to_vec()[..4], [1.0, 1.0, 1.0, 1.0 / 65535.0]);
    let transparent = ImageBuffer::from_pixel(1, 1, Rgba([255u8, 51, 0, 0]));
    assert_eq!(from_bytes(&png(transparent), Channels::Rgb).unwrap().to_vec(), [1.0, 0.2, 0.0]);
    // JPEG loses a little.
    let lossy = from_bytes(&jpeg(16, 16), Channels::Rgb).unwrap();
    assert_eq!(lossy.shape()[..], [16, 16, 3]);
    let far = |(y, x)| (lossy.at([y, x, 1]) - (y * 5) as f32 / 255.0).abs();
    assert!((0..16).flat_map(|y| (0..16).map(move |x| (y, x))).all(|place| far(place) < 0.03));
}

/// The triangle filter along one axis, in f64: what each place of `to` takes from those of `from`.
fn triangle(from: usize, to: usize) -> Vec<Vec<f64>> {
    let ratio = from as f64 / to as f64;
    let reach = ratio.max(1.0);
    let weights = |place: usize| {
        let centre = (place as f64 + 0.5) * ratio;
        let weight = |i: usize| (1.0 - ((i as f64 + 0.5 - centre) / reach).abs()).max(0.0);
        let all: Vec<f64> = (0..from).map(weight).collect();
        let sum: f64 = all.iter().sum();
        all.into_iter().map(|weight| weight / sum).collect()
    };
    (0..to).map(weights).collect()
}

#[test]
fn resized_pictures_are_averages() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    fs::write(dir.path().join("a/1.png"), png(coloured(6, 4))).unwrap();
    let whole = from_bytes(&png(coloured(6, 4)), Channels::Rgb).unwrap();
    for (channels, [height, width]) in
        [(Channels::Rgb, [2, 3]), (Channels::Rgb, [4, 6]), (Channels::Rgb, [1, 11]), (Channels::Luma, [3, 4])]
    {
        let folder = ImageFolder::open(dir.path()).unwrap().channels(channels).resized([height, width]);
        assert_eq!(folder.image_shape(), [height, width, channels.count()]);
        let (images, _) = folder.fetch(&[0], 0).unwrap();
        let whole =
            if channels == Channels::Rgb { whole.clone() } else { from_bytes(&png(coloured(6, 4)), channels).unwrap() };
        let (rows, columns) = (triangle(4, height), triangle(6, width));
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for channel in 0..channels.count() {
                let of_row =
                    |i: usize| (0..6).map(|j| columns[x][j] * f64::from(whole.at([i, j, channel]))).sum::<f64>();
                let exact: f64 = (0..4).map(|i| rows[y][i] * of_row(i)).sum();
                let got = images.at([0, y, x, channel]);
                assert!((f64::from(got) - exact).abs() < 1e-5, "{height}x{width} {y} {x} {channel}: {got} {exact}");
            }
        }
    }
}

fn flowers() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, shade) in [("rose/b.png", 51), ("rose/a.PNG", 0), ("iris/10.png", 255), ("iris/9.png", 102)] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, png(ImageBuffer::from_pixel(3, 2, Luma([shade as u8])))).unwrap();
    }
    for (name, what) in [("notes.txt", ""), ("rose/.hidden.png", "x"), ("rose/notes.txt", "x")] {
        fs::write(dir.path().join(name), what).unwrap();
    }
    fs::create_dir(dir.path().join(".cache")).unwrap();
    dir
}

#[test]
fn folders_are_classes_in_the_order_of_their_names() {
    let dir = flowers();
    let folder = ImageFolder::open(dir.path()).unwrap().channels(Channels::Luma);
    assert_eq!(
        (folder.classes(), folder.len(), folder.image_shape()),
        (&["iris".into(), "rose".into()][..], 4, [2, 3, 1])
    );
    let names: Vec<_> = folder.files().map(|(path, label)| (path.file_name().unwrap().to_owned(), label)).collect();
    assert_eq!(
        names,
        [("10.png", 0), ("9.png", 0), ("a.PNG", 1), ("b.png", 1)].map(|(name, label)| (name.into(), label))
    );
    let data = folder.dataset().unwrap();
    assert_eq!((data.labels().to_vec(), data.classes()), (vec![0, 0, 1, 1], 2));
    assert_eq!(data.images(), &Tensor::new(&[1.0, 0.4, 0.0, 0.2].map(|x| [x; 6]).concat(), [4, 2, 3, 1]));
    // Batches, whoever decodes them.
    let batches = |workers| -> Vec<_> {
        let loader = Loader::new(folder.clone(), 3).shuffled(5).workers(workers);
        loader.map(|batch| batch.map(|(x, labels)| (x.to_vec(), labels.to_vec())).unwrap()).collect()
    };
    assert_eq!(batches(0).len(), 2);
    assert_eq!(batches(0), batches(2));
    let turned = ImageFolder::with_classes(dir.path(), &["rose", "iris"]).unwrap();
    assert_eq!(turned.files().map(|(_, label)| label).collect::<Vec<_>>(), [0, 0, 1, 1]);
    assert!(turned.files().next().unwrap().0.ends_with("rose/a.PNG"));
    assert_eq!(text(folder.fetch(&[4], 0)), "ImageFolder: there is no picture 4; there are 4");
}

#[test]
fn folders_that_are_none_are_refused_by_name() {
    let empty = tempfile::tempdir().unwrap();
    assert!(text(ImageFolder::open(empty.path())).contains("there is no folder in it"));
    fs::create_dir(empty.path().join("a")).unwrap();
    let error = text(ImageFolder::open(empty.path()));
    assert!(error.starts_with(&format!("{}/a: there is no picture in it", empty.path().display())), "{error}");
    let dir = flowers();
    assert!(text(ImageFolder::with_classes(dir.path(), &["iris", "tulip"])).contains("tulip: "));
    assert!(text(ImageFolder::with_classes::<&str>(dir.path(), &[])).contains("no class was given"));
    fs::create_dir(dir.path().join("rose/more")).unwrap();
    assert!(text(ImageFolder::open(dir.path())).contains("rose/more: a folder within a class"));
}

#[test]
fn damaged_pictures_and_other_sizes_are_named() {
    let dir = flowers();
    let place = dir.path().join("rose/b.png");
    let problem = |bytes: &[u8]| {
        fs::write(&place, bytes).unwrap();
        let folder = ImageFolder::open(dir.path()).unwrap();
        let (all, one) = (text(folder.dataset()), text(folder.fetch(&[0, 3], 1)));
        assert_eq!(all, one);
        all.strip_prefix(&format!("{}: ", place.display())).unwrap_or_else(|| panic!("{all}")).to_owned()
    };
    let first = dir.path().join("iris/10.png");
    let expected = format!("4x5 (height x width), and {} is 2x3; `resized` makes them agree", first.display());
    assert_eq!(problem(&png(coloured(5, 4))), expected);
    assert_eq!(problem(b"GIF89a, and more"), "byte 0: a picture of the format Gif; convert it to PNG or JPEG");
    assert_eq!(problem(b"no picture"), "byte 0: neither PNG nor JPEG; convert it");
    assert_eq!(problem(b""), "byte 0: neither PNG nor JPEG; convert it");
    let good = png(coloured(3, 2));
    assert!(problem(&good[..good.len() - 20]).starts_with("damaged: "));
    assert!(problem(&good[..20]).starts_with("damaged: "));
    fs::write(&first, b"no picture").unwrap();
    assert!(text(ImageFolder::open(dir.path())).starts_with(&format!("{}: byte 0", first.display())));
}

#[test]
fn files_cut_at_any_byte_are_refused() {
    let (png, jpeg) = (png(coloured(5, 7)), jpeg(19, 11));
    // The last chunk of PNG, 12 bytes, holds nothing.
    for (file, whole) in [(&png, png.len() - 12), (&jpeg, jpeg.len())] {
        for length in 0..whole {
            assert!(from_bytes(&file[..length], Channels::Rgb).is_err(), "{length} of {}", file.len());
        }
        assert!(from_bytes(file, Channels::Rgb).is_ok());
    }
    // What follows the end of a picture does not count.
    assert!(from_bytes(&[&jpeg[..], b"and more"].concat(), Channels::Rgb).is_ok());
}

#[test]
fn sizes_that_cannot_be_true_are_refused_before_they_are_made() {
    let mut file = png(coloured(5, 7));
    let head = 16..24;
    file[head].copy_from_slice(&[0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff]);
    let sum = crc32fast::hash(&file[12..29]);
    file[29..33].copy_from_slice(&sum.to_be_bytes());
    let error = text(from_bytes(&file, Channels::Rgb));
    assert!(error.contains("a picture of 32767x32767 cannot come of"), "{error}");
    let mut file = jpeg(16, 16);
    let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    file[frame + 5..frame + 9].fill(0xff);
    let error = text(from_bytes(&file, Channels::Rgb));
    assert!(error.contains("cannot come of") || error.starts_with("(bytes): damaged"), "{error}");
}
