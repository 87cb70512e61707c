//! The fold of documents' numbers against hand-made events.

use serde_json::{Value, json};

use super::tests::folded;

type Life = Vec<(&'static str, Value)>;

fn errors(life: &Life) -> i64 {
    let (folded, mut findings) = folded(life);
    folded.check_numbers(&mut findings);
    findings.verdict().errors_of("numbers")
}

fn set(prefix: &str, next: i64) -> (&'static str, Value) {
    let body = json!({ "series": "receipt", "prefix": prefix, "next": next, "digits": 3 });
    ("admin.numbering_set", body)
}

fn taken(prefix: &str, count: i64, sale: &str) -> (&'static str, Value) {
    let number = format!("{prefix}{count:03}");
    let body = json!({ "series": "receipt", "prefix": prefix, "count": count, "number": number,
                       "document": format!("sale/{sale}") });
    ("admin.number_taken", body)
}

fn sold(sale: &str, number: Option<&str>) -> (&'static str, Value) {
    ("sale.completed", json!({ "sale_id": sale, "number": number }))
}

/// A sale takes its number.
fn receipt(prefix: &str, count: i64, sale: &str) -> Life {
    let number = format!("{prefix}{count:03}");
    vec![taken(prefix, count, sale), sold(sale, Some(&number))]
}

fn life(parts: &[Life]) -> Life {
    parts.concat()
}

#[test]
fn a_number_that_is_handed_out_twice_is_noticed() {
    let (one, two) = (receipt("R", 1, "a"), receipt("R", 2, "b"));
    let on = vec![set("R", 1)];
    assert_eq!(errors(&life(&[on.clone(), one.clone(), two.clone()])), 0);
    assert_eq!(errors(&life(&[on, one, receipt("R", 1, "b")])), 1);
}

#[test]
fn the_next_count_goes_on_from_what_was_handed_out() {
    let next =
        |life: &Life| folded(life).0.tables["rm_numbering"].values().next().unwrap()["next_count"].clone();
    let on = vec![set("R", 5)];
    assert_eq!(next(&on), 5);
    assert_eq!(
        next(&life(&[on.clone(), receipt("R", 5, "a"), receipt("R", 6, "b")])),
        7
    );
    assert_eq!(next(&life(&[on, receipt("R", 5, "a"), vec![set("S", 1)]])), 1);
}

#[test]
fn a_hole_is_noticed_and_a_new_prefix_or_a_later_beginning_is_none() {
    let on = vec![set("R", 1)];
    assert_eq!(errors(&life(&[on.clone(), receipt("R", 2, "a")])), 1);
    let moved = [
        on,
        receipt("R", 1, "a"),
        vec![set("R", 10)],
        receipt("R", 10, "b"),
        vec![set("S", 1)],
        receipt("S", 1, "c"),
        vec![set("R", 11)],
        receipt("R", 11, "d"),
    ];
    assert_eq!(errors(&life(&moved)), 0);
}

#[test]
fn a_number_that_is_written_otherwise_or_while_numbers_are_off_is_noticed() {
    let mut short = receipt("R", 1, "a");
    for (_, body) in &mut short {
        body["number"] = json!("R1");
    }
    assert_eq!(errors(&life(&[vec![set("R", 1)], short])), 1);
    let ended = vec![
        set("R", 1),
        ("admin.numbering_ended", json!({ "series": "receipt" })),
    ];
    assert_eq!(errors(&life(&[ended, receipt("R", 1, "a")])), 1);
}

#[test]
fn a_document_with_another_number_than_it_took_or_with_none_is_noticed() {
    let on = || vec![set("R", 1)];
    let with = |documents: Life| errors(&life(&[on(), documents]));
    assert_eq!(
        with(vec![sold("a", None)]),
        0,
        "a sale from before there were numbers"
    );
    assert_eq!(with(vec![taken("R", 1, "a"), sold("a", Some("R002"))]), 1);
    assert_eq!(with(vec![taken("R", 1, "a"), sold("a", None)]), 1);
    assert_eq!(with(vec![sold("a", Some("R001"))]), 1, "nobody handed it out");
    let another = vec![taken("R", 1, "a"), sold("b", Some("R001"))];
    assert_eq!(
        with(another),
        2,
        "one sale without its number, one with a strange one"
    );
}
