//! Calls: concurrent ones, cancelled ones, and ones whose future is dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bienban_bindings::{
    AnswerDraft, BienbanError, EnrolmentState, Grade, InspectionFilter, ListQuery, NetworkHint,
    recent_reports,
};

use crate::{Keys, open_with};

#[tokio::test]
async fn a_thousand_calls_at_once_are_all_answered() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let calls = (0..1_000).map(|_| {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.plans(ListQuery::default()).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.unwrap().unwrap().rows.is_empty());
    }
    app.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_is_told_with_a_code_that_the_log_knows() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let answer = AnswerDraft {
        item: "1.1".to_owned(),
        row: None,
        grade: Grade::Pass,
        value: None,
        photos: Vec::new(),
        note: None,
    };
    let failed = app.answer("ab".repeat(32), answer).await.unwrap_err();
    let BienbanError::NotFound { report } = failed else { panic!("{failed:?}") };
    let lines = recent_reports().unwrap();
    assert!(lines.iter().any(|line| line.report_id == report.report_id && line.call == "answer"));
    let wrong = ListQuery { after: Some("nonsense".to_owned()), ..ListQuery::default() };
    let failed = app.inspections(wrong, InspectionFilter::default()).await.unwrap_err();
    assert!(matches!(failed, BienbanError::Invalid { .. }), "{failed:?}");
    let failed = app.enrol("https://example.org".to_owned(), String::new(), false).await;
    let failed = failed.err().unwrap();
    assert!(matches!(failed, BienbanError::NotEnrolled { .. }), "{failed:?}");
    app.shutdown().await.unwrap();
}

#[tokio::test]
async fn without_an_enrolment_an_exchange_says_so_and_the_background_ends() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let failed = app.sync().await.unwrap_err();
    assert!(matches!(failed, BienbanError::NotEnrolled { .. }), "{failed:?}");
    app.set_network(NetworkHint { offline: true, ..NetworkHint::default() }).unwrap();
    app.start_background_sync().await.unwrap();
    app.stop_background_sync().await.unwrap();
    app.stop_background_sync().await.unwrap();
    app.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_future_that_is_dropped_holds_up_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    for _ in 0..50 {
        drop(tokio::time::timeout(Duration::ZERO, app.ledger()).await);
        drop(tokio::time::timeout(Duration::ZERO, app.sync()).await);
    }
    assert_eq!(app.ledger().await.unwrap().only_here, 0);
    app.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_call_returns_to_its_thread_at_once_and_works_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let mut worst = Duration::ZERO;
    for _ in 0..50 {
        let mut call = Box::pin(app.plans(ListQuery::default()));
        #[expect(clippy::disallowed_methods, reason = "a test measures how long a poll takes")]
        let started = Instant::now();
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx)));
        let polled = polled.await;
        worst = worst.max(started.elapsed());
        // A quick machine answers within the first poll, and a future that has answered may not be asked again.
        if polled.is_pending() {
            drop(call.await);
        }
    }
    // 5 ms on a quiet phone; a busy machine of a test is no measure, so only what blocks shows.
    assert!(worst < Duration::from_millis(500), "{worst:?}");
    app.shutdown().await.unwrap();
}

/// An invitation of a server that never answers; its sockets are to be kept.
fn unanswered() -> (String, std::net::UdpSocket, std::net::TcpListener) {
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = udp.local_addr().unwrap();
    let tcp = std::net::TcpListener::bind(at).unwrap();
    let (key, code) = ("ab".repeat(32), "cd".repeat(16));
    // Far enough ahead for any clock.
    let until = 4_000_000_000_u64;
    (format!("bienban://enrol?hub={at}&key={key}&code={code}&until={until}"), udp, tcp)
}

#[tokio::test]
async fn an_invitation_that_is_taken_up_ends_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let (first, _udp, _tcp) = unanswered();
    let (second, _udp_too, _tcp_too) = unanswered();
    let one = app.enrol(first, String::new(), false).await.unwrap();
    let other = app.enrol(second, String::new(), false).await.unwrap();
    let ended = one.wait().await.err().unwrap();
    assert!(matches!(ended, BienbanError::Cancelled { .. }), "{ended:?}");
    assert_eq!(one.status().unwrap().state, EnrolmentState::Ended);
    assert_eq!(other.status().unwrap().state, EnrolmentState::Claiming);
    let resumed = app.resume_enrolment().await.unwrap().unwrap();
    let ended = other.wait().await.err().unwrap();
    assert!(matches!(ended, BienbanError::Cancelled { .. }), "{ended:?}");
    let digits = [&other, &resumed].map(|it| it.status().unwrap().digits);
    assert_eq!(digits[0], digits[1], "it goes on with the same invitation");
    resumed.cancel().unwrap();
    let ended = resumed.wait().await.err().unwrap();
    assert!(matches!(ended, BienbanError::Cancelled { .. }), "{ended:?}");
    app.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_export_of_what_is_not_here_writes_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let app = open_with(dir.path(), Arc::new(Keys::default())).await.unwrap();
    let path = dir.path().join("record.json").to_string_lossy().into_owned();
    let run = app.start_export("ab".repeat(32), path.clone(), true).unwrap();
    let ended = run.wait().await.err().unwrap();
    assert!(matches!(ended, BienbanError::NotFound { .. }), "{ended:?}");
    // Both find the same end.
    assert!(matches!(run.wait().await, Err(BienbanError::NotFound { .. })));
    assert!(!std::path::Path::new(&path).exists());
    app.shutdown().await.unwrap();
}
