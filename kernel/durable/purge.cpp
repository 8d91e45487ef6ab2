#include "kernel/durable/purge.hpp"

#include <memory>
#include <string>
#include <utility>

#include "kernel/durable/rows.hpp"

namespace keel::kernel {

namespace {

constexpr std::uint32_t kRows = 1'000;
constexpr std::uint32_t kBytes = 1024 * 1024;

void purge_from(Journal& journal, std::uint64_t store_id, std::string from);

void purge_page(Journal& journal, std::uint64_t store_id, const StoreRows& page) {
  auto batch = std::make_unique<Batch>();
  for (const StoreRow& row : page.rows) {
    batch->erase_once(Space::queue, row.key);
    // Of a row that is damaged it is not known what it refers to: that stays.
    const auto delivery = read_delivery_row(row.value, {});
    if (delivery && delivery->row.message_id != 0)
      batch->release(Space::messages, number_key(delivery->row.message_id));
  }
  if (page.complete && !page.more) batch->erase(Space::purge, number_key(store_id));
  if (!batch->empty()) journal.submit(std::move(batch));
  // What could not be read is left for the next start.
  if (page.more && !page.rows.empty()) purge_from(journal, store_id, page.rows.back().key + '\0');
}

void purge_from(Journal& journal, std::uint64_t store_id, std::string from) {
  const std::string to = number_key(store_id + 1);
  StoreQuery query;
  query.space = Space::queue;
  query.max_rows = kRows;
  query.max_bytes = kBytes;
  query.from = from;
  query.to = to;
  journal.read(query,
               [&journal, store_id](StoreRows page) { purge_page(journal, store_id, page); });
}

}  // namespace

void purge_queue(Journal& journal, std::uint64_t store_id) {
  purge_from(journal, store_id, number_key(store_id));
}

}  // namespace keel::kernel
