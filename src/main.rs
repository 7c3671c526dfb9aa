//! The program in pyfront's image: BuildKit starts it, and talks gRPC with it over standard input and output.

use std::process::ExitCode;

fn main() -> ExitCode {
    buildkit_frontend::run(pyfront::gateway::build)
}
