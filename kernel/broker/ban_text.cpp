#include "kernel/broker/ban_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <ctime>

#include "kernel/base/bytes.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kMaxValue = 65'535;  // what a packet can carry
constexpr std::size_t kMaxReason = 1'000;

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (octet(c) < 0x20 || octet(c) == 0x7f)
      out += fmt::format("\\x{:02x}", octet(c));
    else
      out += c;
  }
  return out += '"';
}

// Takes the line apart from left to right. Once something is not as expected nothing fits any more.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool take(std::string_view expected) {
    if (!good_ || !rest_.starts_with(expected)) return good_ = false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  std::string_view word() {
    const std::string_view out = rest_.substr(0, rest_.find(' '));
    good_ = good_ && !out.empty();
    rest_.remove_prefix(out.size());
    return out;
  }
  std::string quoted() {
    std::string out;
    if (!take("\"")) return out;
    while (good_ && !rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') {
        unescape(out);
        continue;
      }
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    take("\"");
    return out;
  }
  bool done() const { return good_ && rest_.empty(); }

 private:
  void unescape(std::string& out) {
    const std::string_view escape = rest_.substr(0, 2);
    if (escape == "\\\"" || escape == "\\\\") {
      out += escape[1];
      return rest_.remove_prefix(2);
    }
    unsigned value = 0;
    const char* const digits = rest_.data() + 2;
    if (escape != "\\x" || rest_.size() < 4 ||
        std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) {
      good_ = false;
      return;
    }
    out += static_cast<char>(value);
    rest_.remove_prefix(4);
  }

  std::string_view rest_;
  bool good_ = true;
};

std::optional<std::int64_t> parse_time(std::string_view text) {
  if (text == "never") return 0;
  const std::string copy(text);
  std::tm time{};
  const char* const end = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
  if (!end || *end != '\0') return std::nullopt;
  const std::time_t seconds = ::timegm(&time);
  if (seconds <= 0) return std::nullopt;
  return seconds;
}

bool is_word(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

}  // namespace

std::string_view ban_kind_name(BanKind kind) {
  switch (kind) {
    case BanKind::client:
      return "client";
    case BanKind::user:
      return "user";
    case BanKind::address:
      break;
  }
  return "address";
}

std::optional<BanKind> parse_ban_kind(std::string_view word) {
  if (word == "client" || word == "clientid") return BanKind::client;
  if (word == "user" || word == "username") return BanKind::user;
  if (word == "address" || word == "peerhost" || word == "ipaddress") return BanKind::address;
  return std::nullopt;
}

Result<Ban> make_ban(BanKind kind, std::string_view value) {
  if (value.empty()) return Error{fmt::format("the {} is empty", ban_kind_name(kind))};
  if (value.size() > kMaxValue) return Error{"longer than the 65535 bytes that a packet carries"};
  if (kind == BanKind::address) {
    const auto block = Cidr::parse(value);
    if (!block) return Error{block.error()};
    return address_ban(*block);
  }
  Ban ban;
  ban.kind = kind;
  ban.value = value;
  return ban;
}

std::string iso_time(std::int64_t unix_s) {
  if (unix_s == 0) return "never";
  const std::time_t time = unix_s;
  std::tm parts{};
  if (!::gmtime_r(&time, &parts)) return "never";
  char text[64];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string print_ban(const Ban& ban) {
  return fmt::format("{} {} until={} by={} at={} reason={}", ban_kind_name(ban.kind),
                     in_quotes(ban.value), iso_time(ban.until_s), ban.by, iso_time(ban.at_s),
                     in_quotes(std::string_view(ban.reason).substr(0, kMaxReason)));
}

Result<Ban> parse_ban(std::string_view line) {
  Scanner in(line);
  const auto kind = parse_ban_kind(in.word());
  in.take(" ");
  const std::string value = in.quoted();
  in.take(" until=");
  const auto until = parse_time(in.word());
  in.take(" by=");
  std::string by(in.word());
  in.take(" at=");
  const auto at = parse_time(in.word());
  in.take(" reason=");
  std::string reason = in.quoted();
  if (!in.done() || !kind || !until || !is_word(by) || !at)
    return Error{
        "not of the form: client|user|address \"...\" until=TIME by=WORD at=TIME "
        "reason=\"...\""};
  auto ban = make_ban(*kind, value);
  if (!ban) return ban;
  ban->until_s = *until;
  ban->at_s = *at;
  ban->by = std::move(by);
  ban->reason = std::move(reason);
  return ban;
}

}  // namespace keel::kernel
