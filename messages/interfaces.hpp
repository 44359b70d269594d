/// The map of all actors: what each can be asked. Who asks whom stands in ARCHITECTURE.md.
#pragma once

#include "messages/api.hpp"
#include "messages/bucket.hpp"
#include "messages/cluster.hpp"
#include "messages/errors.hpp"
#include "messages/fwd.hpp"
#include "messages/partition.hpp"
#include "messages/progress.hpp"
#include "messages/repository.hpp"
#include "messages/store.hpp"

namespace gitstar {

/// The WRITER: commits batches, several in one transaction; an answer means committed.
using writer_actor =
    typed_actor<caf::result<batch_receipt>(store_atom, batch),
                // The repositories of a range of ids that the store takes for existing, ascending.
                caf::result<std::vector<repo_id>>(select_atom, repo_id first, repo_id last),
                // How far these kinds of these repositories are read.
                caf::result<std::vector<metadata_watermark>>(load_atom, std::vector<repo_id>,
                                                             std::vector<std::string>),
                caf::result<void>(wake_atom)>; // INTERNAL: the oldest batch has waited long enough,
                                               // or retry.

/// The LEDGER: what the partitioner and the token bucket read from and write to PostgreSQL.
using ledger_actor = typed_actor<
    // Takes over the unfinished crawl of this name and source, or begins one.
    caf::result<crawl>(open_atom),
    // Open partitions with an id above `after_id`, ascending, at most `limit`.
    caf::result<std::vector<partition>>(load_atom, int64_t crawl_id, int64_t after_id,
                                        uint32_t limit),
    // Makes partitions of known repositories that are to be read again; how many of these.
    caf::result<int64_t>(select_atom, crawl run, known_selection which),
    // Partition changes without rows, committed at once.
    caf::result<batch_receipt>(store_atom, batch),
    caf::result<certificate>(certify_atom, int64_t crawl_id),
    caf::result<void>(state_atom, int64_t crawl_id, int64_t epoch, std::string state),
    caf::result<std::vector<budget_record>>(budgets_atom),
    caf::result<void>(budgets_atom, std::vector<budget_record>),
    caf::result<std::vector<width_record>>(widths_atom),
    caf::result<void>(widths_atom, std::vector<width_record>),
    // What went wrong since the last time; added to the crawl's last errors.
    caf::result<void>(errors_atom, std::vector<error_record>),
    caf::result<void>(wake_atom)>; // INTERNAL: try again.

/// The PARTITIONER: plans, splits, leases, retries, and knows when the crawl is finished.
using partitioner_actor = typed_actor<
    // A partition to work on. `wait`: answered when there is one; otherwise empty at once. `pages`
    // and `counts` are the query widths that the fetcher has seen last, 0 for none yet. Fails with
    // `errc::stopping` once the crawl is finished or draining. `holder` names the fetcher (its
    // actor id).
    caf::result<std::vector<lease>>(lease_atom, uint64_t holder, uint32_t pages, uint32_t counts,
                                    bool wait),
    caf::result<void>(renew_atom, uint64_t holder), // The holder is alive: its leases live on.
    caf::result<void>(counted_atom, count_result), caf::result<void>(done_atom, lease_result),
    // The lease is given back unfinished; `reason` says why, empty: nobody's fault.
    caf::result<void>(failed_atom, partition, std::string reason),
    caf::result<void>(lost_atom, uint64_t holder), // The holder is dead.
    // What had this one lease is dead, the holder is not.
    caf::result<void>(lost_atom, int64_t partition_id, int64_t lease),
    caf::result<void>(drain_atom), // Lease no more.
    caf::result<crawl_progress>(status_atom),
    caf::result<void>(wake_atom)>; // INTERNAL: a lease may have run out, or a delay ended.

/// The TOKEN BUCKET: the only source of permits.
using token_bucket_actor = typed_actor<
    // Answered when every limit allows one query of this shape, or `errc::no_credential_left`.
    caf::result<permit>(acquire_atom, query_shape shape, uint64_t holder),
    caf::result<void>(report_atom, query_report),
    caf::result<void>(lost_atom, uint64_t holder), // The holder is dead: its permits are void.
    // Permits that no report will come for: `used` means that their queries may have been sent.
    caf::result<void>(return_atom, std::vector<uint64_t> permits, bool used),
    caf::result<bucket_status>(status_atom),
    caf::result<void>(wake_atom),  // INTERNAL: a limit may allow more now.
    caf::result<void>(tick_atom)>; // INTERNAL: save the budgets.

/// A FETCHER: turns leases and permits into batches.
using fetcher_actor = typed_actor<
    // Takes no more work; answered when nothing is in flight or uncommitted.
    caf::result<void>(drain_atom),
    caf::result<void>(answer_atom, uint64_t query_id, api_response), // INTERNAL: from the network.
    caf::result<void>(next_atom),                                    // INTERNAL: go on.
    caf::result<void>(tick_atom)>;                                   // INTERNAL: renew the leases.

/// The GATE: lets workers join the coordinator.
using gate_actor = typed_actor<
    // The worker's DESK; fails with `errc::refused` or `errc::not_leading`.
    caf::result<caf::actor>(join_atom, worker_greeting, caf::actor link),
    caf::result<void>(drain_atom),    // The coordinator stops: the workers shall finish.
    caf::result<void>(finished_atom), // The crawl is finished.
    caf::result<cluster_status>(status_atom)>;

/// A DESK: what one worker has of the coordinator. Its actor id is the holder of all that it gives.
using desk_actor =
    typed_actor<caf::result<void>(news_atom,
                                  worker_news), // From the worker.
                                                // The worker ends, and has heard so many blocks.
                caf::result<void>(leave_atom, uint64_t blocks), caf::result<void>(drain_atom),
                caf::result<void>(finished_atom), caf::result<cluster_status>(status_atom),
                caf::result<void>(wake_atom),  // INTERNAL: send the block.
                caf::result<void>(tick_atom)>; // INTERNAL: look whether the worker
                                               // is alive, and show that we are.

/// The LINK: what a worker has of its DESK. Sends the news of its agents together.
using link_actor =
    typed_actor<caf::result<void>(grant_atom, grant_block),     // From the desk.
                caf::result<void>(join_atom, caf::actor agent), // Wants each block, too.
                caf::result<void>(news_atom, worker_news,
                                  bool urgent), // From an agent. Urgent: somebody waits.
                // From the permit agent: it ends, and has heard so many blocks.
                caf::result<void>(leave_atom, uint64_t blocks),
                caf::result<void>(wake_atom),  // INTERNAL: send the news.
                caf::result<void>(tick_atom)>; // INTERNAL: as the desk's.

/// The PERMIT AGENT: a worker's TOKEN BUCKET, with permits from the coordinator's.
using permit_agent_actor =
    token_bucket_actor::extend<lower<caf::result<void>(grant_atom, grant_block)>::type>;

/// The LEASE AGENT: a worker's PARTITIONER, with leases from the coordinator's.
using lease_agent_actor =
    partitioner_actor::extend<lower<caf::result<void>(grant_atom, grant_block)>::type>;

/// A SUPERVISOR: starts its children in order, restarts what fails, gives up when it fails too
/// often.
using supervisor_actor = typed_actor<
    // The leaves below, in start order; answered when all of them run.
    caf::result<std::vector<named_actor>>(handles_atom),
    caf::result<void>(changed_atom, uint64_t child), // A child supervisor has restarted a child.
    caf::result<void>(restart_atom)>;                // INTERNAL: the delay is over.

/// A running actor with the name its supervisor knows it by.
struct named_actor {
  std::string name;
  caf::actor handle;
  bool operator==(const named_actor&) const = default;
};

template <class Inspector>
auto inspect(Inspector& f, named_actor& x) {
  return inspect_fields(f, x, "named_actor", x.name, x.handle);
}

} // namespace gitstar
