//! The smoke profile against the real server: everything there is, verified, in ten seconds.

use std::process::Command;

use crate::real;
use crate::tester::Turn;

#[test]
fn the_smoke_profile_verifies_ten_thousand_deliveries_of_the_real_server() {
    let folder = tempfile::tempdir().unwrap();
    let (json, html) = (folder.path().join("report.json"), folder.path().join("report.html"));
    let _turn = Turn::wait();
    let output = Command::new(env!("CARGO_BIN_EXE_millchat-loadtest"))
        .args(["--profile", "smoke", "--server"])
        .arg(real::program())
        .arg("--report-json")
        .arg(&json)
        .arg("--report-html")
        .arg(&html)
        .output()
        .expect("the load tester can be started");
    let (shown, live) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{shown}\n{live}");

    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let number = |path: &str| report.pointer(path).and_then(serde_json::Value::as_f64).unwrap();
    assert!(number("/verdict/deliveries") >= 10_000.0, "{shown}");
    assert_eq!(report["moved"]["acknowledged"], 1000, "{shown}");
    // Every scenario took part: all joined, resumed after storms, read history, and none was given up.
    assert_eq!(report["verdict"]["joined"], 75, "{shown}");
    assert!(number("/moved/storms") >= 2.0, "{shown}");
    assert!(number("/latency_us/resume/count") >= 100.0, "{shown}");
    assert!(number("/latency_us/history/count") >= 1.0, "{shown}");
    assert!(number("/server/cpu_s") > 0.0 && number("/tester/cpu_us_per_delivery") > 0.0, "{shown}");

    let html = std::fs::read_to_string(html).unwrap();
    assert!(html.contains("Delivery latency over time") && html.contains("</html>"));
    assert!(!html.contains("http-equiv") && !html.contains("<script") && !html.contains("src="), "one file");
    assert!(live.contains(" acknowledged · "), "a line a second where there is no terminal: {live}");
}
