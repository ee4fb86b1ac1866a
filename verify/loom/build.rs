//! Sets `cfg(loom)`, so that the core's sources take their locks from loom.

fn main() {
    println!("cargo::rustc-cfg=loom");
    println!("cargo::rerun-if-changed=build.rs");
}
