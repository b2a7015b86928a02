//! The program `entente`; everything it does is in the library `entente_cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    entente_cli::main()
}
