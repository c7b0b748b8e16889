//! When which edition of a checklist is in force.
//!
//! A published file never changes, so it cannot learn when it ends: without `effective_to` an edition
//! is in force until the day before the next one begins.

use super::Template;

/// Two editions of one checklist that would both be in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The checklist's code.
    pub code: String,
    /// The edition that begins first.
    pub first: String,
    /// The other.
    pub second: String,
    /// The first day on which both would be in force.
    pub from: String,
    /// The last such day; none when there is no end.
    pub to: Option<String>,
}

/// Returns every pair of editions of one checklist whose periods overlap: they begin on one day, or
/// the earlier one says that it ends after the later one begins. The same file twice is no pair.
#[must_use]
pub fn overlaps(templates: &[Template]) -> Vec<Overlap> {
    let mut sorted: Vec<&Template> = templates.iter().collect();
    sorted.sort_by_key(|t| (t.code(), t.effective_from(), t.edition(), t.id().0));
    sorted.dedup_by_key(|template| template.id());
    let mut found = Vec::new();
    for (n, first) in sorted.iter().enumerate() {
        let later = sorted.iter().skip(n + 1).take_while(|second| second.code() == first.code());
        for second in later {
            let same_day = first.effective_from() == second.effective_from();
            let reaches = first.effective_to().is_some_and(|to| to >= second.effective_from());
            if same_day || reaches {
                let ends = [first.effective_to(), second.effective_to()];
                found.push(Overlap {
                    code: first.code().to_owned(),
                    first: first.edition().to_owned(),
                    second: second.edition().to_owned(),
                    from: second.effective_from().to_owned(),
                    to: ends.into_iter().flatten().min().map(str::to_owned),
                });
            }
        }
    }
    found
}

/// Returns the edition of a checklist that is in force on a day (YYYY-MM-DD): the one that began
/// last, unless it has ended.
#[must_use]
pub fn in_force<'t>(templates: &'t [Template], code: &str, day: &str) -> Option<&'t Template> {
    templates
        .iter()
        .filter(|template| template.code() == code && template.effective_from() <= day)
        .max_by_key(|template| (template.effective_from(), template.id().0))
        .filter(|template| template.effective_to().is_none_or(|to| day <= to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checklist::TEA;

    fn edition(name: &str, from: &str, to: Option<&str>) -> Template {
        let mut value: serde_json::Value = serde_json::from_slice(TEA).unwrap();
        value["edition"] = name.into();
        value["effective_from"] = from.into();
        if let Some(to) = to {
            value["effective_to"] = to.into();
        }
        Template::parse(&serde_json::to_vec(&value).unwrap()).unwrap()
    }

    #[test]
    fn an_edition_without_an_end_is_in_force_until_the_next_begins() {
        let editions =
            [edition("1", "2026-01-01", None), edition("2", "2027-01-01", Some("2027-06-30"))];
        assert_eq!(overlaps(&editions), []);
        let on = |day| in_force(&editions, "CL-CHE", day).map(Template::edition);
        assert_eq!(on("2025-12-31"), None);
        assert_eq!(on("2026-12-31"), Some("1"));
        assert_eq!(on("2027-01-01"), Some("2"));
        assert_eq!(on("2027-07-01"), None, "the first does not come back");
        assert_eq!(in_force(&editions, "OCOP-11", "2026-12-31"), None);
    }

    #[test]
    fn editions_that_begin_together_or_reach_into_each_other_overlap() {
        let one = edition("1", "2026-01-01", Some("2026-12-31"));
        let reaching = edition("2", "2026-12-31", None);
        let found = overlaps(&[reaching, one.clone(), one.clone()]);
        assert_eq!(found.len(), 1, "the same file twice is one");
        assert_eq!((found[0].first.as_str(), found[0].second.as_str()), ("1", "2"));
        assert_eq!(
            (found[0].from.as_str(), found[0].to.as_deref()),
            ("2026-12-31", Some("2026-12-31"))
        );
        let together = edition("1b", "2026-01-01", None);
        assert_eq!(overlaps(&[one, together]).len(), 1);
    }
}
