//! The pages of `nn::diagnose` and of its monitor in a browser, if there is one: every plot drawn, values told under the mouse, no error in the console.

use nn::diagnose::Monitor;
use nn::log::{Html, Log as _};
use nn::prelude::*;
use nn::{Activation, NormAct};
use std::path::Path;
use std::process::Command;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

#[test]
fn a_browser_draws_every_plot() {
    let mut rng = Rng::seed(2);
    let norm = NormAct::new(16, Activation::PRelu);
    let mut net = Sequential::new().then(Linear::new(8, 16, &mut rng)).then(norm).then(Linear::new(16, 4, &mut rng));
    let x = Tensor::randn([32, 8], &mut rng);
    let report = nn::diagnose(&net, |x| net.forward(x), &x).unwrap();
    every_plot_is_drawn(5, |page| report.write_html(page));

    let (mut sgd, mut monitor) = (Sgd::new(0.1), Monitor::new().every(5));
    for step in 0..20 {
        let tape = Tape::training(step);
        let loss = net.forward(tape.input(x.clone())).square().mean();
        monitor.step(&net, &loss);
        if monitor.is_due() {
            monitor.look(nn::diagnose(&net, |x| net.forward(x).square().mean(), &x).unwrap());
        }
        let grads = loss.backward();
        monitor.gradients(&grads);
        sgd.step(&mut net, grads).unwrap();
    }
    // Loss, gradients, one layer's slopes; signals, gradients and units over time; the last look's.
    every_plot_is_drawn(3 + 3 + 5, |page| monitor.write_html(page));

    // The page of a run: two groups of curves, then the monitor's plots.
    every_plot_is_drawn(2 + 3 + 3 + 5, |page| {
        let mut log = Html::open(page, 0)?;
        for step in 0..20 {
            let loss = 2.0 / (1.0 + step as f64);
            log.scalars(step, &[("loss/train", loss), ("loss/test", 1.2 * loss), ("accuracy", 1.0 - loss / 3.0)])?;
        }
        log.monitor(&monitor)
    });
}

fn every_plot_is_drawn(count: usize, write: impl Fn(&Path) -> nn::Result<()>) {
    let is_there = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success());
    let Some(browser) = BROWSERS.into_iter().find(is_there) else {
        println!("SKIPPED: none of {BROWSERS:?} is here; `apt-get install chromium`");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("health.html");
    write(&page).unwrap();
    // Reads back what the browser laid out: a script of the test's own, not of the page.
    let probe = "<script>addEventListener('load',()=>{const sizes=[...document.querySelectorAll('svg')].map(svg=>{\
        const marks=[...svg.querySelectorAll('circle,rect,polyline')].filter(mark=>{const b=mark.getBBox();return isFinite(b.x+b.y+b.width+b.height)});\
        return marks.length>0&&svg.getBoundingClientRect().height>50});\
        const silent=[...document.querySelectorAll('rect.hover')].filter(strip=>{strip.scrollIntoView({block:'center'});const b=strip.getBoundingClientRect();\
        const under=document.elementFromPoint(b.x+b.width/2,b.y+b.height/2);return !under?.querySelector('title')});\
        document.title='drawn '+sizes.filter(x=>x).length+' of '+sizes.length+', '+silent.length+' silent'})</script></body>";
    let text = std::fs::read_to_string(&page).unwrap().replace("</body>", probe);
    std::fs::write(&page, text).unwrap();
    let out = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            "--virtual-time-budget=2000",
        ])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let (dom, log) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(
        dom.contains(&format!("<title>drawn {count} of {count}, 0 silent</title>")),
        "{}\n{log}",
        &dom[..dom.len().min(400)]
    );
    assert!(!log.contains("CONSOLE"), "{log}");
}
