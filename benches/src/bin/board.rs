//! `board [--list | --check] [ROW…]`: our rows of the board, one line each. `cargo xtask board` sets them beside the peers'.

fn main() -> Result<(), String> {
    rectify_benches::harness::main(&rectify_benches::rows::all())
}
