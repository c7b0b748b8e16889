//! The worked examples, from the files that are shipped.

use super::{graded, points, says, set_11, tea, template};
use crate::checklist::grading::{
    AnswersFile, CriterionState, Graded, Grader, Holding, NodeKind, Outcome, Passing, Recognised,
    Settings,
};
use crate::checklist::{Effect, Fallback};

macro_rules! example {
    ($name:literal) => {
        include_bytes!(concat!("../../../../data/examples/", $name, ".json"))
    };
}

fn unmet(graded: &Graded, stars: u32) -> Vec<String> {
    let rank = points(graded).ranks.iter().find(|rank| rank.stars == stars).unwrap();
    rank.unmet.iter().map(|gate| gate.item.clone()).collect()
}

#[test]
fn ex1_has_points_for_four_stars_and_a_gate_that_gives_three() {
    let (graded, why) = graded(&set_11(), example!("ex1"), None);
    let result = points(&graded);
    assert_eq!(result.total.to_string(), "72");
    assert_eq!((result.stars, result.certificate), (Some(3), true));
    assert_eq!(unmet(&graded, 4), ["2.3"]);
    assert_eq!(unmet(&graded, 3), [""; 0]);
    assert!(graded.is_final, "{:?}", graded.missing);
    let parts: Vec<_> =
        result.parts.iter().map(|part| (part.max, part.points.to_string())).collect();
    let parts: Vec<_> = parts.iter().map(|(max, points)| (*max, points.as_str())).collect();
    assert_eq!(parts, [(40, "30"), (25, "18"), (35, "24")]);
    assert!(says(&why, "cần ít nhất 3 điểm (****), có 2", "needs at least 3 points (****), has 2"));
    let (_, gate) = *why
        .flat()
        .iter()
        .find(|(_, node)| node.kind == NodeKind::Gate && node.item.as_deref() == Some("2.3"))
        .unwrap();
    let clause = gate.clause.as_ref().unwrap();
    assert!(clause.text.vi.contains("26/2026") && clause.clause.contains("tiêu chí 2.3"));
    assert!(says(&why, "Cách hiểu của chương trình", "The program's reading"));
}

#[test]
fn ex2_meets_the_gate_and_has_four_stars() {
    let (graded, _) = graded(&set_11(), example!("ex2"), None);
    let result = points(&graded);
    assert_eq!((result.total.to_string().as_str(), result.stars), ("73", Some(4)));
    assert!(result.certificate && unmet(&graded, 4).is_empty());
}

#[test]
fn ex3_fails_a_gate_of_three_stars_and_has_no_certificate() {
    let (graded, why) = graded(&set_11(), example!("ex3"), None);
    let result = points(&graded);
    assert_eq!((result.total.to_string().as_str(), result.stars), ("70", Some(2)));
    assert!(!result.certificate);
    assert_eq!(unmet(&graded, 3), ["3.5"]);
    assert!(graded.result.vi.contains("Không được cấp giấy chứng nhận"), "{:?}", graded.result);
    assert!(says(&why, "Không phương án nào phù hợp: 0 điểm", "No option fits: 0 points"));
}

#[test]
fn without_falling_back_ex1_has_no_certificate() {
    let file = AnswersFile::parse(example!("ex1"), &set_11()).unwrap();
    let settings =
        Settings { fallback: Some(Fallback::NoRank), ..Settings::new(file.as_of.unwrap()) };
    let (graded, why) = Grader::new(set_11(), file.answers, settings).explain();
    assert_eq!((points(&graded).stars, points(&graded).certificate), (Some(2), false));
    assert!(says(&why, "Áp dụng theo yêu cầu, khác với phiếu", "Used as asked"));
}

fn passing(graded: &Graded) -> Passing {
    match &graded.outcome {
        Outcome::PassFail(result) => result.result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ex4_to_ex7_pass_wait_and_fail_as_of_a_day() {
    let tea = tea();
    let result = |bytes: &[u8], as_of| passing(&graded(&tea, bytes, as_of).0);
    assert_eq!(result(example!("ex4"), None), Passing::Pass);
    assert_eq!(result(example!("ex5"), None), Passing::PassAfterCorrection);
    assert_eq!(result(example!("ex5"), Some("2026-06-10")), Passing::AwaitingCorrection);
    assert_eq!(result(example!("ex6"), Some("2026-07-01")), Passing::AwaitingCorrection);
    assert_eq!(result(example!("ex6"), None), Passing::Fail);
    assert_eq!(result(example!("ex7"), None), Passing::Fail);
    let (graded, why) = graded(&tea, example!("ex6"), None);
    assert!(says(&why, "6.4: lỗi nhẹ, quá hạn khắc phục 2026-07-01", "has passed"));
    assert!(says(&why, "bản đề xuất", "a proposal"), "the checklist is not official");
    assert!(!graded.template.official && graded.is_final);
}

#[test]
fn ex8_counts_deviations_by_a_table_of_the_form() {
    let form = template(example!("ex8-template"));
    let grade = |bytes| match graded(&form, bytes, None).0.outcome {
        Outcome::CountsTable(result) => result,
        other => panic!("{other:?}"),
    };
    let b = grade(example!("ex8-b"));
    assert_eq!((b.counts.minor, b.counts.major, b.counts.serious), (3, 1, 0));
    assert_eq!((b.grade.as_str(), b.next_check.unwrap().to_string().as_str()), ("B", "2025-06-03"));
    assert_eq!(b.rows.iter().map(|row| row.holds).collect::<Vec<_>>(), [false, true]);
    let c = grade(example!("ex8-c"));
    assert_eq!((c.grade.as_str(), c.next_check_months), ("C", Some(3)));
}

#[test]
fn a_council_is_graded_by_the_mean_of_its_totals() {
    let (graded, why) = graded(&set_11(), example!("council"), None);
    let result = points(&graded);
    let totals: Vec<u32> = result.members.iter().map(|member| member.total).collect();
    let sum: u32 = totals.iter().sum();
    assert_eq!(totals.len(), 3);
    assert_eq!(sum * 100 / 3, 7333, "{totals:?}");
    assert_eq!(result.total.to_string(), "73.33");
    assert_eq!(result.stars, Some(3), "one of three sees the code on the label");
    assert!(says(&why, "Tổng điểm 73,33/100", "Total 73.33 of 100"));
    assert!(graded.result.vi.contains("73,33") && graded.result.en_or_vi().contains("73.33"));
    assert!(says(&why, "bình quân của 3 thành viên", "the mean of 3 members"));
    assert!(says(&why, "làm tròn đến hai chữ số thập phân", "rounded to two decimals"));
}

#[test]
fn a_recognised_product_is_checked_criterion_by_criterion() {
    let set = set_11();
    let file = AnswersFile::parse(example!("held"), &set).unwrap();
    let recognised = file.recognised.unwrap();
    let recognised =
        Recognised { template: set_11(), stars: recognised.stars, options: recognised.options };
    let settings = Settings { recognised: Some(recognised), ..Settings::new(file.as_of.unwrap()) };
    let (graded, why) = Grader::new(set, file.answers, settings).explain();
    let held = graded.held.unwrap();
    assert_eq!(held.result, Holding::NotHeld);
    assert_eq!((held.held, held.score_drops, held.below_gate, held.not_observed), (30, 1, 1, 0));
    let state = |item: &str| {
        let found = held.criteria.iter().find(|criterion| criterion.item == item).unwrap();
        (found.state, found.drop)
    };
    assert_eq!(state("2.3"), (CriterionState::BelowGate, 1));
    assert_eq!(state("4.3"), (CriterionState::ScoreDrop, 1));
    assert_eq!(state("1.1"), (CriterionState::Held, 0));
    assert!(says(&why, "dưới mức dấu sao; công nhận 3 điểm: ", "below the gate"));
}

#[test]
fn a_knock_out_ends_it_whatever_the_points_are() {
    let set = set_11();
    for (item, effect) in [("1.1-ko", Effect::Reject), ("6.1.1-ko", Effect::Stop)] {
        let file = AnswersFile::parse(example!("ex2"), &set).unwrap();
        let mut grader = Grader::new(set_11(), file.answers, Settings::new(file.as_of.unwrap()));
        grader.set(item, super::value("yes"));
        let graded = grader.grade();
        let result = points(&graded);
        assert_eq!(
            (result.stars, result.certificate, result.knocked_out),
            (None, false, Some(effect))
        );
        assert_eq!(result.total.to_string(), "73", "the points are shown all the same");
    }
}
