//! Makes Rust of the databroker's interface: the client's half for the library, the server's for the
//! tests. protox compiles the definition, so that no protoc needs to be installed.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

const DEFINITION: &str = "kuksa/val/v2/val.proto";
const ROOT: &str = "proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}/{DEFINITION}");
    let definition = protox::compile([DEFINITION], [ROOT])?;
    let out = env::var("OUT_DIR")?;
    for (folder, is_client) in [("client", true), ("server", false)] {
        let folder = Path::new(&out).join(folder);
        fs::create_dir_all(&folder)?;
        tonic_prost_build::configure()
            .build_client(is_client)
            .build_server(!is_client)
            .build_transport(false)
            .out_dir(folder)
            .compile_fds(definition.clone())?;
    }
    Ok(())
}
