//! Debian's nginx with the server block of `docs/operations.md`, without its TLS.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tempfile::TempDir;
use tokio::process::Child;

use super::server::command;
use super::{free_port, listens};

/// A running nginx on a port of its own.
pub struct Nginx {
    directory: TempDir,
    address: SocketAddr,
    child: Option<Child>,
}

impl Nginx {
    /// Starts one in front of this server.
    pub async fn start(upstream: SocketAddr) -> Self {
        Self::start_at(free_port(Ipv4Addr::LOCALHOST.into()), upstream, str::to_owned).await
    }

    /// Starts one at this address, with its server block changed.
    pub async fn start_at(
        address: SocketAddr,
        upstream: SocketAddr,
        change: impl Fn(&str) -> String,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("nginx.conf"), config(address, upstream, change)).unwrap();
        let mut nginx = Self { directory, address, child: None };
        nginx.restart().await;
        nginx
    }

    /// Returns the address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it again.
    pub async fn restart(&mut self) {
        let path = self.directory.path();
        let program = ["/usr/sbin/nginx", "nginx"].into_iter().find(|program| Path::new(program).exists());
        let mut command = command(program.unwrap_or("nginx"));
        command.arg("-p").arg(path).arg("-c").arg(path.join("nginx.conf"));
        let child = command.arg("-e").arg(path.join("error.log")).spawn();
        self.child = Some(child.expect("nginx is not there; `make test` installs it"));
        listens("nginx listens", self.address).await;
    }

    /// Ends it.
    pub async fn kill(&mut self) {
        self.child.take().unwrap().kill().await.unwrap();
    }
}

fn config(listen: SocketAddr, upstream: SocketAddr, change: impl Fn(&str) -> String) -> String {
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md")).unwrap();
    let (_, snippet) = docs.split_once("```nginx\n").expect("the page has an nginx snippet");
    let (snippet, _) = snippet.split_once("```").unwrap();
    let server: Vec<&str> = snippet.lines().filter(|line| !line.trim().starts_with("ssl_")).collect();
    let server = server.join("\n");
    assert!(server.contains("listen 443 ssl http2;") && server.contains("http://127.0.0.1:8080"), "{server}");
    let server = server
        .replace("listen 443 ssl http2;", &format!("listen {listen};"))
        .replace("127.0.0.1:8080", &upstream.to_string());
    let server = change(&server);
    // One process in the foreground; everything that it writes goes where the test cleans up.
    format!(
        "daemon off; master_process off; pid nginx.pid;\nevents {{ worker_connections 1024; }}\n\
         http {{\naccess_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;\n\
         uwsgi_temp_path t4; scgi_temp_path t5;\n{server}\n}}\n"
    )
}
