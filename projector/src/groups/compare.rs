//! Compares two groups that stand at one position: every column that a model declares comparable, row by row, in SQL,
//! tenant by tenant. Both sides come in the order of their keys, so nothing has to fit into memory.
//!
//! Rows that are frozen in the serving group differ as they must: repairing them is what a rebuild is for.

use sqlx::{AssertSqlSafe, PgConnection};

use super::Group;
use crate::projection::Projection;
use crate::row::Column;

/// Most keys that a report names per model.
const SAMPLES_MAX: usize = 5;

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Rows that are in one group only, or differ; frozen ones are not counted.
    pub differences: i64,
    /// Rows that differ because they are frozen in the serving group.
    pub frozen: i64,
    /// A line per model that differs, with the first keys; or that cannot be compared.
    pub report: Vec<String>,
}

/// Compares all models that both groups have in the same version. The connection's transaction must be one snapshot.
///
/// # Errors
/// Any SQL error.
pub async fn compare(
    connection: &mut PgConnection,
    models: &[Box<dyn Projection>],
    serving: &Group,
    candidate: &Group,
) -> Result<Comparison, sqlx::Error> {
    let mut comparison = Comparison::default();
    for model in models {
        if !has_model(serving, model.as_ref()) || !has_model(candidate, model.as_ref()) {
            let line = format!("{}: not compared, since the versions differ", model.name());
            comparison.report.push(line);
            continue;
        }
        compare_model(connection, model.as_ref(), serving, candidate, &mut comparison).await?;
    }
    Ok(comparison)
}

fn has_model(group: &Group, model: &dyn Projection) -> bool {
    let wanted = format!("{}:{}", model.name(), model.version());
    group.fingerprint.split(',').any(|found| found == wanted)
}

async fn compare_model(
    connection: &mut PgConnection,
    model: &dyn Projection,
    serving: &Group,
    candidate: &Group,
    comparison: &mut Comparison,
) -> Result<(), sqlx::Error> {
    let (ours, theirs) = (table(serving, model), table(candidate, model));
    let tenants: Vec<String> = sqlx::query_scalar(AssertSqlSafe(tenants_sql(&ours, &theirs)))
        .fetch_all(&mut *connection)
        .await?;
    let sql = difference_sql(model, serving, &ours, &theirs);
    let (mut differences, mut keys) = (0, Vec::new());
    for tenant in tenants {
        let (differ, frozen, samples): (i64, i64, Option<Vec<String>>) =
            sqlx::query_as(AssertSqlSafe(sql.as_str()))
                .bind(&tenant)
                .bind(model.name())
                .fetch_one(&mut *connection)
                .await?;
        differences += differ;
        comparison.frozen += frozen;
        keys.extend(samples.unwrap_or_default());
    }
    if differences > 0 {
        keys.truncate(SAMPLES_MAX);
        let line = format!(
            "{}: {differences} rows, such as {}",
            model.name(),
            keys.join(", ")
        );
        comparison.report.push(line);
        comparison.differences += differences;
    }
    Ok(())
}

fn table(group: &Group, model: &dyn Projection) -> String {
    format!("{}.rm_{}", group.schema, model.name())
}

/// The tenants of both tables, by leaps through the primary keys.
fn tenants_sql(ours: &str, theirs: &str) -> String {
    let leaps = |table: &str| {
        format!(
            "(with recursive leap as (
                (select tenant from {table} order by tenant limit 1)
                union all
                select (select t.tenant from {table} t where t.tenant > leap.tenant order by t.tenant limit 1)
                from leap where leap.tenant is not null)
              select tenant from leap where tenant is not null)"
        )
    };
    format!("{} union {} order by 1", leaps(ours), leaps(theirs))
}

/// One tenant's rows ($1) of one model ($2): how many differ, how many of those are frozen, and the first keys.
fn difference_sql(model: &dyn Projection, serving: &Group, ours: &str, theirs: &str) -> String {
    let (keys, _) = model.columns().split_at(model.key_columns());
    let compared: Vec<&Column> = model
        .columns()
        .iter()
        .filter(|column| !model.not_compared().contains(&column.name))
        .collect();
    let side = |prefix: &str| list(&compared, |column| format!("{prefix}.{}", column.name));
    let names = list(keys, |key| key.name.to_owned());
    let key_json = list(keys, |key| format!("'{0}', d.{0}", key.name));
    format!(
        "with differing as (
           select {names} from (select * from {ours} where tenant = $1) a
           full join (select * from {theirs} where tenant = $1) b using ({names})
           where ({}) is distinct from ({})),
         judged as (
           select d.*, exists (select from {}.projection_poison p where p.tenant = $1 and p.model = $2
             and p.row_key::jsonb = jsonb_build_object({key_json})) as is_frozen from differing d)
         select count(*) filter (where not is_frozen), count(*) filter (where is_frozen),
           (select array_agg(key) from (select jsonb_build_object({key_json})::text as key from judged d
            where not is_frozen order by {names} limit {SAMPLES_MAX}) s) from judged",
        side("a"),
        side("b"),
        serving.schema,
    )
}

fn list<C>(columns: &[C], text: impl Fn(&C) -> String) -> String {
    columns.iter().map(text).collect::<Vec<_>>().join(", ")
}
