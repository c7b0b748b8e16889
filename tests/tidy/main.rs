//! Holds the rules of this repository that a machine can hold.
//!
//! Each checker takes a tree of files and returns problems, one line each, naming the place and what
//! to do. The tests here run them over the repository; the tests beside each checker show it bad
//! examples, so a checker that has gone blind fails too.

mod arrows;
mod documents;
mod lengths;
mod messages;
mod mutations;
mod tokens;
mod tree;
mod words;

use tree::Tree;

/// Fails with every problem at once.
fn expect_none(rule: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{rule}\n  {}", problems.join("\n  "));
}

#[test]
fn modules_point_only_where_the_table_allows() {
    expect_none("allowed arrows: tests/tidy/arrows.rs", &arrows::check(&Tree::of_repository()));
}

#[test]
fn pure_modules_name_nothing_that_does_io() {
    expect_none("pure modules", &arrows::check_purity(&Tree::of_repository()));
}

#[test]
fn packages_depend_only_downwards() {
    expect_none("package arrows", &arrows::check_manifests(&Tree::of_repository()));
}

#[test]
fn files_stay_readable_in_one_sitting() {
    expect_none("file length", &lengths::check(&Tree::of_repository()));
}

#[test]
fn every_package_obeys_the_shared_lints() {
    expect_none("lints", &lengths::check_lints(&Tree::of_repository()));
}

#[test]
fn modules_say_what_they_are_for() {
    expect_none("module documentation", &words::check_openings(&Tree::of_repository()));
}

#[test]
fn nothing_unfinished_or_unordered_is_left() {
    expect_none("forbidden words", &words::check_forbidden(&Tree::of_repository()));
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    expect_none("machine paths", &words::check_machine_paths(&Tree::of_repository()));
}

#[test]
fn documents_name_only_paths_that_exist() {
    expect_none("paths in documents", &documents::check_paths(&Tree::of_repository()));
}

#[test]
fn decisions_are_numbered_once_and_listed() {
    expect_none("docs/adr", &documents::check_decisions(&Tree::of_repository()));
}

#[test]
fn every_text_exists_in_both_languages_and_is_used() {
    expect_none("messages", &messages::check(&Tree::of_repository()));
}

#[test]
fn mutations_fit_the_source_and_name_tests_that_there_are() {
    expect_none("tests/mutations", &mutations::check(&Tree::of_repository()));
}
