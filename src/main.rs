//! The program in pyfront's image: BuildKit starts it, and talks gRPC with it over standard input and output. Started by a
//! person it is a command line.

use std::process::ExitCode;

use buildkit_frontend::env::Environment;

fn main() -> ExitCode {
    if Environment::is_there() { buildkit_frontend::run(pyfront::gateway::build) } else { pyfront::cli::main() }
}
