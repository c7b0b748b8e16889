//! What stands on the forms of a sample (Mẫu 14 to 16), each field with its name, for text.

use bienban_core::model::{Sample, SampleStep};

use crate::messages::Messages;

/// Returns what the sampling minutes say of a sample beside its name, code, day, quantity and lot.
pub(super) fn of_sample(sample: &Sample, m: &Messages) -> String {
    filled(
        &[
            ("form.grounds", &sample.grounds),
            ("form.maker", &sample.maker),
            ("form.unit", &sample.unit),
            ("form.stock", &sample.stock),
            ("form.produced_on", &sample.produced_on),
            ("form.keep_until", &sample.keep_until),
            ("form.minutes", &sample.minutes),
            ("form.row", &sample.row),
            ("form.method", &sample.method),
            (
                "form.sampler",
                &listed(&[&sample.sampler, &sample.sampler_title, &sample.sampler_agency]),
            ),
            (
                "form.representative",
                &listed(&[&sample.representative, &sample.representative_position]),
            ),
            ("form.witness", &sample.witness),
            ("form.units", &sample.units),
            ("form.seals", &sample.seals),
            ("form.copies", &sample.copies),
            ("form.note", &sample.note),
        ],
        m,
    )
}

/// Returns what the form of a step says of a sample beside what its line says.
pub(super) fn of_step(step: &SampleStep, sample: &str, m: &Messages) -> Vec<String> {
    let lines = match step {
        SampleStep::Seal(seal) => vec![filled(
            &[
                ("form.facility_signer", &seal.facility_signer),
                ("form.team_signer", &seal.team_signer),
                ("form.stamp", &seal.stamp),
            ],
            m,
        )],
        SampleStep::Handover(handover) => {
            let intact = match handover.seal_intact {
                Some(true) => m.text("form.intact", &[]),
                Some(false) => m.text("form.broken", &[]),
                None => String::new(),
            };
            let head = [
                ("form.time", &handover.time),
                ("form.place", &handover.place),
                ("form.seal_intact", &intact),
            ];
            let rows = handover.rows.iter().filter(|row| row.sample == sample);
            let rows = rows.map(|row| {
                let row = [
                    ("form.quantity", &row.quantity),
                    ("form.parameters", &row.parameters),
                    ("form.standard", &row.standard),
                    ("form.coded", &row.coded),
                ];
                filled(&row, m)
            });
            std::iter::once(filled(&head, m)).chain(rows).collect()
        }
        SampleStep::Result(result) => {
            let rows = result.rows.iter().map(|row| {
                let verdict = if row.pass { "result.pass" } else { "result.fail" };
                let limit = filled(&[("form.limit", &row.limit)], m);
                listed(&[&format!("{}: {}", row.name, row.value), &limit, &m.text(verdict, &[])])
            });
            rows.collect()
        }
    };
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

fn filled(fields: &[(&str, &String)], m: &Messages) -> String {
    let said = fields.iter().filter(|(_, text)| !text.trim().is_empty());
    let said = said.map(|(name, text)| format!("{}: {text}", m.text(name, &[])));
    said.collect::<Vec<_>>().join("; ")
}

fn listed(parts: &[&str]) -> String {
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.copied().collect::<Vec<_>>().join(", ")
}
