// Erases what is left in the store of a queue whose session is gone, page by page, and lets go of
// the messages that it shared. The mark in Space::purge goes last: a broker that ends meanwhile
// begins again. Any thread.
#pragma once

#include <cstdint>

#include "kernel/durable/journal.hpp"

namespace keel::kernel {

// The queue's last row is committed; nothing is added to it any more. The journal outlives this.
void purge_queue(Journal& journal, std::uint64_t store_id);

}  // namespace keel::kernel
