#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fmt::Debug;

use serde::Serialize;
use strum::VariantArray;

use super::ShutdownReport;
use super::decoded::LayoutReport;
use super::restore::OutcomeReport;
use crate::commands::check::CheckStatus;
use crate::commands::scan::DamageState;
use crate::instance::dblwr::AreaKind;
use crate::instance::generation::Generation;
use crate::page::PageState;
use crate::page::diagnose::Class;
use crate::verdict::Verdict;
use crate::verdict::home::HomeState;

fn walk<E: VariantArray + Serialize + Copy + Debug>(name: impl Fn(E) -> String) {
    assert!(E::VARIANTS.len() > 1);
    for variant in E::VARIANTS {
        assert_eq!(serde_json::to_value(variant).unwrap(), name(*variant), "{variant:?}");
    }
}

/// What a person reads, a journal keeps and a script parses is one word; Rust's own name of a variant is none.
#[test]
fn every_variant_is_called_alike_in_text_and_json() {
    walk(|state: HomeState| state.name().to_owned());
    walk(|verdict: Verdict| verdict.name().to_owned());
    walk(|kind: AreaKind| kind.name().to_owned());
    walk(|outcome: OutcomeReport| outcome.name().to_owned());
    walk(|state: DamageState| state.name().to_owned());
    walk(|class: Class| class.name().to_owned());
    walk(|state: PageState| state.name().to_owned());
    walk(|layout: LayoutReport| layout.name().to_owned());
    walk(|shutdown: ShutdownReport| shutdown.name().to_owned());
    walk(|status: CheckStatus| status.name().to_owned());
    walk(|generation: Generation| generation.to_string());
}
