//! Readers by TLS: the CPU time of each delivery and the memory of an idle reader, beside plain HTTP and beside
//! nginx, which speaks TLS in front of the server.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millchat_benches::paths::Scratch;
use millchat_benches::server::Server;
use millchat_benches::steady::{CPU, Sender};
use millchat_benches::wire_readers::{Certificate, Wire, WireReaders};
use millchat_benches::{Results, Unit, cost, http, limits, readers};
use millchat_testkit::process::family;

const ABOUT: &str = "1,000 readers follow one room, and messages of 200 bytes are posted to it, 20 a second. Counted \
    are the CPU time of the server for each delivery, and its anonymous memory for each reader while nothing is \
    said. With nginx, which speaks TLS in front and plain HTTP/1.1 to the server, both count for all of the \
    processes. The log is in memory.";
const OURS: &str = "TLS, HTTP/1.1";
const NGINX_PROGRAM: &str = "/usr/sbin/nginx";
/// Time after which nginx listens, or never will.
const NGINX_START_MAX: Duration = Duration::from_secs(20);
const READERS: usize = 1_000;
const PACE: u32 = 20;
const MESSAGES: u32 = 60;
const ROUNDS: usize = 3;

/// The competitors: the way of their readers, the server's flags, and if nginx is in front.
const COMPETITORS: [(&str, Wire, &[&str], bool); 7] = [
    ("plain HTTP/1.1", Wire::Plain, &[], false),
    (OURS, Wire::Tls, &[], false),
    ("TLS, HTTP/1.1, by hyper", Wire::Tls, &["--stream-writer", "hyper"], false),
    ("TLS, HTTP/2", Wire::Http2, &[], false),
    ("plain HTTP/1.1, by hyper", Wire::Plain, &["--stream-writer", "hyper"], false),
    ("nginx, HTTP/1.1", Wire::Tls, &[], true),
    ("nginx, HTTP/2", Wire::Http2, &[], true),
];

fn main() {
    limits::raise_descriptors();
    let results = Results::new("http_tls", "readers by TLS", ABOUT, OURS);
    let scratch = Scratch::new("http_tls");
    let certificate = Certificate::default();
    let (pem, key) = (scratch.file("bench.pem"), scratch.file("bench.key"));
    fs::write(&pem, &certificate.pem).expect("the scratch directory takes files");
    fs::write(&key, &certificate.key).expect("the scratch directory takes files");
    let (pem, key) = (pem.to_string_lossy(), key.to_string_lossy());
    for _ in 0..ROUNDS {
        for (name, wire, flags, is_behind_nginx) in COMPETITORS {
            let admin = free_address();
            let admin_flag = admin.to_string();
            let mut flags = flags.to_vec();
            flags.extend(["--admin-address", &admin_flag]);
            if wire != Wire::Plain && !is_behind_nginx {
                flags.extend(["--tls-certificate", &pem, "--tls-key", &key]);
            }
            let server = Server::start_with("memory:", &flags);
            let front = is_behind_nginx.then(|| Nginx::start(&scratch, server.address, (&pem, &key)));
            let address = front.as_ref().map_or(server.address, |nginx| nginx.address);
            let processes = || {
                let mut processes = vec![server.process()];
                processes.extend(front.iter().flat_map(|nginx| family(nginx.child.id())));
                processes
            };
            measure(&results, name, (address, admin), (wire, &certificate), processes);
        }
    }
    results.finish();
}

/// Measures one round of one competitor.
fn measure(
    results: &Results,
    name: &str,
    (address, admin): (SocketAddr, SocketAddr),
    (wire, certificate): (Wire, &Certificate),
    processes: impl Fn() -> Vec<u32>,
) {
    let case = format!("{} readers", Unit::Count.show(READERS as f64));
    let memory = || processes().into_iter().map(cost::memory).sum::<u64>();
    let cpu = || processes().into_iter().map(cost::cpu).sum::<Duration>();
    // The cost of the very first request does not belong to a reader.
    drop(WireReaders::connect(address, 1, wire, certificate));
    let before = memory();
    let readers = WireReaders::connect(address, READERS, wire, certificate);
    let each = memory().saturating_sub(before) as f64 / READERS as f64;
    results.sample(&case, "memory of a reader", Unit::Bytes, name, each);
    let guest = http::ask(admin, "POST", "/api/v1/guests", None, "{\"name\":\"Bench\"}");
    let guest: serde_json::Value = serde_json::from_str(&guest).expect("the server answers JSON");
    let mut sender = Sender::connect(admin, guest["token"].as_str().expect("a guest gets a token"));
    let (origin, before) = (Instant::now(), cpu());
    let sending = std::thread::spawn(move || {
        for number in 0..MESSAGES {
            let due = Duration::from_secs(1) * number / PACE;
            std::thread::sleep(due.saturating_sub(origin.elapsed()));
            sender.post(&readers::content(u64::from(number), due));
        }
        sender
    });
    readers.receive(u64::from(MESSAGES));
    // The sender is still connected: a thread that serves it alone would lose its CPU time when it ends.
    let _sender = sending.join().expect("the sender sends to the end");
    let deliveries = u64::from(MESSAGES) * READERS as u64;
    results.time(&case, CPU, name, deliveries, cpu().saturating_sub(before));
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound")
}

/// nginx with TLS in front of a server; ended when it is dropped.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    fn start(scratch: &Scratch, upstream: SocketAddr, (pem, key): (&str, &str)) -> Self {
        let (config, address) = (scratch.file("nginx.conf"), free_address());
        // A worker of a master that runs as root would have no permission to write here.
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let text = format!(
            "daemon off; {user} pid nginx.pid; worker_processes auto; worker_rlimit_nofile 10000;\n\
             events {{ worker_connections 8000; }}\n\
             http {{\naccess_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;\n\
             uwsgi_temp_path t4; scgi_temp_path t5;\n\
             server {{\nlisten {address} ssl http2; ssl_certificate {pem}; ssl_certificate_key {key};\n\
             location / {{ proxy_pass http://{upstream}; proxy_http_version 1.1;\n\
             proxy_set_header Connection \"\"; proxy_set_header Host $http_host; }}\n}}\n}}\n"
        );
        fs::write(&config, text).expect("the scratch directory takes files");
        let home = config.parent().unwrap_or(Path::new("."));
        let mut nginx = Command::new(NGINX_PROGRAM);
        nginx.arg("-p").arg(home).arg("-c").arg(&config).args(["-e", "error.log"]).stdin(Stdio::null());
        let child = nginx.spawn().expect("nginx is there; `verify/install tests` brings it");
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < NGINX_START_MAX, "nginx does not listen at {address}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, address }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        for process in family(self.child.id()) {
            if let Some(process) = rustix::process::Pid::from_raw(process.cast_signed()) {
                let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
            }
        }
        let _ = self.child.wait();
    }
}
