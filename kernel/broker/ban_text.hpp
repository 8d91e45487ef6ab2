// A ban as a line of text, in the ban file:
//   client "meter 7" until=2026-11-26T05:00:00Z by=ctl at=2026-11-25T05:00:00Z reason="sends
//   rubbish"
// What stands between quotes is escaped: a client id can hold anything. Pure functions; [any].
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/base/ban_table.hpp"
#include "kernel/base/result.hpp"

namespace keel::kernel {

std::string_view ban_kind_name(BanKind kind);  // "client", "user", "address"
// Also by the words of EMQ X: clientid, username, peerhost, ipaddress.
std::optional<BanKind> parse_ban_kind(std::string_view word);

// What is to be banned, without time and reason. An error says what is wrong with the value.
Result<Ban> make_ban(BanKind kind, std::string_view value);

// "2026-11-26T05:00:00Z"; "never" for 0.
std::string iso_time(std::int64_t unix_s);

std::string print_ban(const Ban& ban);  // without a line break
Result<Ban> parse_ban(std::string_view line);

}  // namespace keel::kernel
