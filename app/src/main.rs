//! The program: hands its arguments to the library and its exit code to the system.

fn main() -> std::process::ExitCode {
    cachescope::cli::run(std::env::args_os())
}
