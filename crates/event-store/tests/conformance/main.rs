//! One suite for every backend of the log: one file per promise, each promise a function over a `Store`.
//!
//! Memory and Postgres (a private, real server) always run. What only a database can get wrong has tests of its own at the
//! end. Nothing here sleeps for luck: tests wait for conditions.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "only tests are here, and a panic is how they fail"
)]

mod atomic_batches;
mod bad_rows;
mod expected_versions;
mod fixture;
mod grants;
mod hash_chain;
mod idempotency;
mod lease;
mod lost_connections;
mod naive;
mod payload_bytes;
mod positions;
mod proxy;
mod purge;
mod recorded_at;
mod resume;
mod standby;
mod tail;
mod unsafe_servers;

macro_rules! promises {
    ($store:ty: $($file:ident { $($promise:ident),+ $(,)? })+) => {
        $(mod $file { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let store = <$store as crate::fixture::Store>::fresh().await;
                Box::pin(crate::$file::$promise(&store)).await;
            }
        )+ })+
    };
}

macro_rules! all_promises {
    ($store:ty) => {
        promises! { $store:
            expected_versions {
                the_right_version_is_accepted_and_counts_on,
                a_version_that_is_too_low_is_refused,
                a_version_that_is_too_high_is_refused,
                a_new_stream_is_created_once,
                a_stream_may_appear_twice_in_one_batch,
                a_write_without_events_only_checks,
                versions_are_per_tenant,
            }
            atomic_batches {
                several_streams_land_together_in_order,
                one_wrong_version_keeps_the_whole_batch_out,
                several_streams_are_read_in_one_go,
                an_empty_batch_changes_nothing,
            }
            positions {
                positions_are_dense_and_never_late_under_64_writers,
                failed_appends_leave_no_holes,
                a_lost_lease_leaves_no_holes_and_loses_nothing,
            }
            lease {
                a_second_owner_is_kept_out,
                a_standby_takes_over_and_the_old_owner_is_fenced,
                an_owner_that_leaves_gives_the_lease_back,
            }
            payload_bytes { payloads_keep_their_exact_bytes }
            recorded_at { recorded_at_never_decreases }
            idempotency {
                records_land_with_their_events_and_are_looked_up,
                a_refused_append_leaves_no_record,
                a_command_id_is_accepted_once_per_tenant,
                a_command_without_events_leaves_its_record_at_the_head,
            }
            bad_rows { one_bad_row_among_a_thousand_is_found_by_halving }
            resume {
                reading_resumes_from_any_position,
                a_read_of_some_types_sees_all_of_them_and_no_others,
                one_stream_resumes_from_any_version,
                a_read_is_capped,
            }
            hash_chain {
                the_chain_verifies_from_any_link,
                a_changed_byte_a_swap_and_a_removal_are_noticed,
            }
        }
    };
}

mod memory {
    all_promises!(crate::fixture::Memory);
}

mod postgres {
    all_promises!(crate::fixture::Postgres);
}

mod postgres_with_tail {
    all_promises!(crate::fixture::WithTail);
}

mod kurrentdb {
    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
    fn the_suite_runs_when_a_server_is_named() {
        match std::env::var("KURRENTDB_URL") {
            Ok(_) => panic!("KURRENTDB_URL is set, but this release has no KurrentDB backend"),
            Err(_) => println!("skipped: KURRENTDB_URL is not set"),
        }
    }
}
