//! The book's chapters (`docs/book`), each as documentation of a struct, so that `cargo test --doc` runs their code. Compiled for doctests alone, and only in the repository.
//! `cargo xtask check` fails for a chapter with Rust code that is not here.

#[doc = include_str!("../../../docs/book/src/introduction.md")]
struct Introduction;

#[doc = include_str!("../../../docs/book/src/dying.md")]
struct Dying;

#[doc = include_str!("../../../docs/book/src/born_dead.md")]
struct BornDead;

#[doc = include_str!("../../../docs/book/src/leak.md")]
struct Leak;

#[doc = include_str!("../../../docs/book/src/residual.md")]
struct Residual;

#[doc = include_str!("../../../docs/book/src/prelu.md")]
struct Prelu;

#[doc = include_str!("../../../docs/book/src/constrained.md")]
struct Constrained;

#[doc = include_str!("../../../docs/book/src/depth.md")]
struct Depth;

#[doc = include_str!("../../../docs/book/src/correlation.md")]
struct Correlation;

#[doc = include_str!("../../../docs/book/src/finite_width.md")]
struct FiniteWidth;

#[doc = include_str!("../../../docs/book/src/regions.md")]
struct Regions;

#[doc = include_str!("../../../docs/book/src/batch_norm.md")]
struct BatchNorm;

#[doc = include_str!("../../../docs/book/src/negative.md")]
struct Negative;

#[doc = include_str!("../../../docs/book/src/memory.md")]
struct Memory;

#[doc = include_str!("../../../docs/book/src/recurrent.md")]
struct Recurrent;

#[doc = include_str!("../../../docs/book/src/contrastive.md")]
struct Contrastive;

#[doc = include_str!("../../../docs/book/src/adversarial.md")]
struct Adversarial;

#[doc = include_str!("../../../docs/book/src/flows.md")]
struct Flows;

#[doc = include_str!("../../../docs/book/src/saliency.md")]
struct Saliency;

#[doc = include_str!("../../../docs/book/src/certificates.md")]
struct Certificates;

#[doc = include_str!("../../../docs/book/src/diagnosis.md")]
struct Diagnosis;

#[doc = include_str!("../../../docs/book/src/solutions.md")]
struct Solutions;
