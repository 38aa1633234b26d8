// SPDX-License-Identifier: MIT
//! A suite that has never heard of testenv. Its tests are threads of one
//! process, which writes its row once; each looks at it by a client of its own.
use std::env;
use std::process::{self, Command};
use std::sync::Once;

static ROW: Once = Once::new();

fn sql(text: &str) -> String {
    let url = env::var("DATABASE_URL").expect("DATABASE_URL");
    let var = |name| env::var(name).expect(name);
    let mut client = if url.starts_with("postgres") {
        let mut c = Command::new("psql");
        c.args(["-qAtX", "-v", "ON_ERROR_STOP=1", &url, "-c", text]);
        c
    } else if url.starts_with("mysql") {
        let mut c = Command::new("mariadb");
        c.args(["--protocol=tcp", "-NB", "-h", &var("MYSQL_HOST")]);
        c.args(["-P", &var("MYSQL_TCP_PORT"), "-u", &var("MYSQL_USER")]);
        c.args([&var("MYSQL_DATABASE"), "-e", text]);
        c
    } else {
        let mut c = Command::new("sqlite3");
        c.args(["-bail", url.trim_start_matches("sqlite:///"), text]);
        c
    };
    let out = client.output().expect("a client");
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{}: {}", text, error);
    String::from_utf8_lossy(&out.stdout).trim().to_string()
}

fn only_my_row() {
    let me = format!("process {}", process::id());

    ROW.call_once(|| {
        sql(&format!("insert into seen values (1, '{}')", me));
    });
    let got = sql("select who from seen");
    assert!(got == me, "{} saw '{}'", me, got);
}

#[test]
fn one() {
    only_my_row();
}

#[test]
fn two() {
    only_my_row();
}

#[test]
fn three() {
    only_my_row();
}
