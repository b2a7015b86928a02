//! The program `entente`, built with the tests so that they find it.

use std::process::ExitCode;

fn main() -> ExitCode {
    entente_cli::main()
}
