//! Debian's nginx with the server block of `docs/operations.md`, without its TLS.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};

use millchat_testkit::free_ports;

/// A running nginx; it ends when this is dropped.
pub struct Nginx {
    pub url: String,
    process: Child,
    _directory: tempfile::TempDir,
}

impl Nginx {
    /// Starts it in front of a server.
    pub fn start(upstream: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = free_ports(Ipv4Addr::LOCALHOST, 1).unwrap()[0].to_string();
        let path = directory.path();
        fs::write(path.join("nginx.conf"), config(&address, upstream)).unwrap();
        let program = ["/usr/sbin/nginx", "nginx"].into_iter().find(|program| Path::new(program).exists());
        let mut command = Command::new(program.unwrap_or("nginx"));
        command.arg("-p").arg(path).arg("-c").arg(path.join("nginx.conf")).arg("-e").arg("error.log");
        let mut process = command.spawn().expect("nginx is not there; `make test` installs it");
        while TcpStream::connect(&address).is_err() {
            assert_eq!(process.try_wait().unwrap(), None, "nginx does not start");
        }
        Self { url: format!("http://{address}"), process, _directory: directory }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn config(listen: &str, upstream: &str) -> String {
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md")).unwrap();
    let (_, snippet) = docs.split_once("```nginx\n").expect("the page has an nginx snippet");
    let (snippet, _) = snippet.split_once("```").unwrap();
    let lines: Vec<&str> = snippet.lines().filter(|line| !line.trim().starts_with("ssl_")).collect();
    let server = lines
        .join("\n")
        .replace("listen 443 ssl http2;", &format!("listen {listen};"))
        .replace("http://127.0.0.1:8080", upstream);
    assert!(server.contains(listen) && server.contains(upstream), "{server}");
    // One process in the foreground; all its files are in the directory that the test removes. Beyond its
    // limit of connections it would close idle ones, and a machine that stalls for a moment opens many.
    format!(
        "daemon off; master_process off; pid nginx.pid;\nevents {{ worker_connections 4096; }}\n\
         http {{\naccess_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;\n\
         uwsgi_temp_path t4; scgi_temp_path t5;\n{server}\n}}\n"
    )
}
