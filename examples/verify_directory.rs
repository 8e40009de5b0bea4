//! The smallest user of the library: verifies a data directory and names every page that is not as it should be.
//!
//! `cargo run --release --example verify_directory -- /var/lib/mysql`

use dblwr::{Request, Survey, Verdict};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: verify_directory PATH")?;
    let survey = Survey::run(&Request { path: path.into(), ..Request::default() })?;
    for finding in &survey.findings {
        let judgement = &finding.judgement;
        if judgement.verdict == Verdict::Restorable || judgement.verdict.is_critical() {
            let page = format!("{}:{}", finding.space_id(), finding.page_no());
            println!("{page} {}: {}", judgement.verdict.name(), judgement.reason);
        }
    }
    Ok(())
}
